/**
 * Containers of Docker or Podman, by the API of their daemon. Whoever may use that socket may do
 * anything on the machine: the collector is off until the operator names it.
 */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Containers of Docker or Podman",
  kind: "gauge",
  every: "30s",
  timeout: "20s",
  options: {
    socket: {
      type: "address",
      required: true,
      description:
        'Of the daemon: "/var/run/docker.sock", "/run/podman/podman.sock", host and port',
    },
    stats: {
      type: "boolean",
      default: true,
      description: "Also tell what each running container uses",
    },
  },
  metrics: {
    containers: { description: "Containers that exist" },
    running: { description: "Containers that run" },
    paused: { description: "Containers that are paused" },
    exited: { description: "Containers that have ended" },
    restarting: { description: "Containers that end again and again" },
    unhealthy: { description: "Containers whose health check fails" },
    up: { kind: "state", description: "Whether the container runs" },
    healthy: { kind: "state", description: "What the health check of the container says" },
    cpu_seconds_total: {
      unit: "s",
      kind: "counter",
      description: "Processor time the container has used",
    },
    memory_bytes: { unit: "B", description: "Memory the container uses, without its file cache" },
    memory_max_bytes: { unit: "B", description: "Memory the container may use" },
    rx_bytes_total: { unit: "B", kind: "counter", description: "Bytes the container received" },
    tx_bytes_total: { unit: "B", kind: "counter", description: "Bytes the container sent" },
  },
};

type Address = { hostname: string; port: number } | { path: string };

interface Options {
  socket: Address;
  stats: boolean;
}

/** What is used here of an entry of /containers/json. */
interface Container {
  Id: string;
  Names?: string[];
  State?: string;
  Status?: string;
}

/** What is used here of /containers/<id>/stats. */
interface Stats {
  cpu_stats?: { cpu_usage?: { total_usage?: number } };
  memory_stats?: { usage?: number; limit?: number; stats?: Record<string, number> };
  networks?: Record<string, { rx_bytes?: number; tx_bytes?: number }>;
}

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const ANSWER_MS_MAX = 10_000;
/** Containers that are asked at the same time, and at all. */
const PARALLEL = 8;
const CONTAINERS_MAX = 200;
/** No machine has so much memory: a limit like this is none. */
const NO_LIMIT_BYTES = 2 ** 50;

/** One request; HTTP/1.0, so that the answer ends with the connection and is not in pieces. */
async function get(socket: Address, path: string): Promise<unknown> {
  const connection = "path" in socket
    ? await Deno.connect({ transport: "unix", path: socket.path })
    : await Deno.connect(socket);
  const timer = setTimeout(() => connection.close(), ANSWER_MS_MAX);
  try {
    await connection.write(
      new TextEncoder().encode(`GET ${path} HTTP/1.0\r\nHost: docker\r\nAccept: */*\r\n\r\n`),
    );
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of connection.readable) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > ANSWER_BYTES_MAX) throw new Error("the daemon's answer is too long");
    }
    const [, status = ""] = /^HTTP\/1\.[01] (\d{3})/.exec(text) ?? [];
    const body = text.slice(text.indexOf("\r\n\r\n") + 4);
    if (status !== "200") throw new Error(`the daemon answers ${status || "what is no HTTP"}`);
    return JSON.parse(body);
  } finally {
    clearTimeout(timer);
    try {
      connection.close();
    } catch {
      // reading it to its end has closed it
    }
  }
}

/** How many there are of each sort. */
export function countContainers(containers: readonly Container[]): Record<string, number> {
  const of = (state: string) => containers.filter(({ State }) => State === state).length;
  return {
    containers: containers.length,
    running: of("running"),
    paused: of("paused"),
    exited: of("exited"),
    restarting: of("restarting"),
    unhealthy: containers.filter(({ Status = "" }) => Status.includes("(unhealthy)")).length,
  };
}

/** Docker counts the file cache as used; its own tool takes off what can be freed at once. */
export function containerUse(stats: Stats): CollectedTree {
  const { cpu_stats, memory_stats = {}, networks = {} } = stats;
  const { usage, limit, stats: details = {} } = memory_stats;
  const cache = details.inactive_file ?? details.total_inactive_file ?? 0;
  const nanoseconds = cpu_stats?.cpu_usage?.total_usage;
  const use: CollectedTree = {};
  if (nanoseconds !== undefined) use.cpu_seconds_total = Math.round(nanoseconds / 1e6) / 1e3;
  if (usage !== undefined) use.memory_bytes = Math.max(0, usage - cache);
  if (limit !== undefined && limit > 0 && limit < NO_LIMIT_BYTES) use.memory_max_bytes = limit;
  const links = Object.values(networks);
  if (links.length > 0) {
    use.rx_bytes_total = links.reduce((sum, { rx_bytes = 0 }) => sum + rx_bytes, 0);
    use.tx_bytes_total = links.reduce((sum, { tx_bytes = 0 }) => sum + tx_bytes, 0);
  }
  return use;
}

function containerName({ Names = [], Id }: Container): string {
  return (Names[0] ?? Id.slice(0, 12)).replace(/^\//, "").replace(/[^\w.-]/g, "_");
}

async function about(container: Container, { socket, stats }: Options): Promise<CollectedTree> {
  const { State, Status = "" } = container;
  const running = State === "running";
  const tree: CollectedTree = { up: running };
  const [, health] = /\((healthy|unhealthy)\)/.exec(Status) ?? [];
  if (health !== undefined) tree.healthy = health === "healthy";
  if (!running || !stats) return tree;
  try {
    const path = `/containers/${container.Id}/stats?stream=false&one-shot=true`;
    return { ...tree, ...containerUse(await get(socket, path) as Stats) };
  } catch {
    // it has ended since the list was made
    return tree;
  }
}

export async function collect(host: Host<Options>): Promise<Collected> {
  const { socket } = host.options;
  // the daemon's word for what its answers hold
  const all = await get(socket, "/containers/json?all=1") as Container[];
  const told = all.slice(0, CONTAINERS_MAX);
  const tree: CollectedTree = {};
  for (let from = 0; from < told.length; from += PARALLEL) {
    const group = told.slice(from, from + PARALLEL);
    const trees = await Promise.all(group.map((one) => about(one, host.options)));
    for (const [index, one] of group.entries()) tree[containerName(one)] = trees[index] ?? null;
  }
  return { ...countContainers(all), container: tree };
}
