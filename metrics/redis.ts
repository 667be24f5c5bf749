/** What Redis, Valkey and their kin say about themselves: their answer to INFO. */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Clients, memory and keys of Redis",
  kind: "gauge",
  options: {
    targets: {
      type: "targets",
      required: true,
      shorthand: "address",
      description: "Servers to ask",
      fields: {
        address: {
          type: "address",
          required: true,
          default_port: 6379,
          description: "Host and port, or a socket",
        },
        username: { type: "text", description: "Who we are, where there are users" },
        password: { type: "secret", description: "The password, where one is wanted" },
        tls: { type: "boolean", default: false, description: "Whether it speaks TLS" },
        ca: {
          type: "secret",
          description: "Certificates to trust beside those of Mozilla, as PEM; mostly by ca_file",
        },
        timeout: {
          type: "duration",
          default: "3s",
          max: 4_000,
          description: "How long the answer may take",
        },
      },
    },
  },
  metrics: {
    up: { kind: "state", description: "Whether it answers; if not, why, as a remark" },
    uptime: { unit: "s", description: "Time since it started" },
    clients: { description: "Clients that are connected" },
    clients_blocked: { description: "Clients that wait for a list, a stream or a lock" },
    memory_bytes: { unit: "B", description: "Memory its data uses" },
    memory_max_bytes: { unit: "B", description: "Memory it may use; absent when that is no limit" },
    fragmentation: { description: "Memory the system gave it, for each byte it uses" },
    commands_total: { kind: "counter", description: "Commands it has run" },
    connections_total: { kind: "counter", description: "Connections it has taken" },
    rejected_total: { kind: "counter", description: "Connections over its limit" },
    hits_total: { kind: "counter", description: "Keys that were asked for and there" },
    misses_total: { kind: "counter", description: "Keys that were asked for and not there" },
    expired_total: { kind: "counter", description: "Keys whose time was over" },
    evicted_total: { kind: "counter", description: "Keys removed to make room" },
    received_bytes_total: { unit: "B", kind: "counter", description: "Bytes received" },
    sent_bytes_total: { unit: "B", kind: "counter", description: "Bytes sent" },
    keys: { description: "Keys in all databases" },
    replicas: { description: "Replicas that are connected to it" },
    replica: { kind: "state", description: "Whether it is a replica of another" },
    link_up: { kind: "state", description: "Whether a replica is connected to its source" },
    unsaved_changes: { description: "Changes since the last save to disk" },
    save_ok: { kind: "state", description: "Whether the last save to disk went well" },
  },
};

interface Target {
  name: string;
  address: { hostname: string; port: number } | { path: string };
  username?: string;
  password?: string;
  tls: boolean;
  ca?: string;
  timeout: number;
}

/** INFO is some kB; what is longer is something else. */
const ANSWER_BYTES_MAX = 256 * 1024;

/** Name in INFO → ours, for what is a number in both. */
const NUMBERS: Record<string, string> = {
  uptime_in_seconds: "uptime",
  connected_clients: "clients",
  blocked_clients: "clients_blocked",
  used_memory: "memory_bytes",
  mem_fragmentation_ratio: "fragmentation",
  total_commands_processed: "commands_total",
  total_connections_received: "connections_total",
  rejected_connections: "rejected_total",
  keyspace_hits: "hits_total",
  keyspace_misses: "misses_total",
  expired_keys: "expired_total",
  evicted_keys: "evicted_total",
  total_net_input_bytes: "received_bytes_total",
  total_net_output_bytes: "sent_bytes_total",
  connected_slaves: "replicas",
  rdb_changes_since_last_save: "unsaved_changes",
};

/** Text of INFO: `name:value` lines in sections. */
export function parseInfo(text: string): CollectedTree {
  const found = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(/^([\w-]+):(.*?)\r?$/gm)) {
    found.set(name, value);
  }
  const values: CollectedTree = {};
  for (const [name, ours] of Object.entries(NUMBERS)) {
    const number = Number(found.get(name) ?? NaN);
    if (Number.isFinite(number)) values[ours] = number;
  }
  const memory_max = Number(found.get("maxmemory") ?? 0);
  if (memory_max > 0) values.memory_max_bytes = memory_max;
  let keys = 0;
  for (const [name, value] of found) {
    if (/^db\d+$/.test(name)) keys += Number(/^keys=(\d+)/.exec(value)?.[1] ?? 0);
  }
  values.keys = keys;
  const role = found.get("role");
  if (role !== undefined) values.replica = role !== "master";
  const link = found.get("master_link_status");
  if (link !== undefined) values.link_up = link === "up";
  const save = found.get("rdb_last_bgsave_status");
  if (save !== undefined) values.save_ok = save === "ok";
  return values;
}

/** A command as the protocol has it: a list of texts, each with its length in bytes. */
function command(...parts: string[]): string {
  const length = (text: string) => new TextEncoder().encode(text).length;
  return `*${parts.length}\r\n` +
    parts.map((part) => `$${length(part)}\r\n${part}\r\n`).join("");
}

/** Where the answer that begins at `at` ends; undefined while that has not come. */
function answerEnd(bytes: Uint8Array, at: number): number | undefined {
  const line_end = bytes.indexOf(10, at);
  if (line_end < 0) return undefined;
  if (bytes[at] !== "$".charCodeAt(0)) return line_end + 1;
  const length = Number(new TextDecoder().decode(bytes.subarray(at + 1, line_end - 1)));
  const end = line_end + 1 + length + 2;
  return end <= bytes.length ? end : undefined;
}

/** `count` answers, or fewer when one of them is an error. */
async function readAnswers(connection: Deno.Conn, count: number): Promise<string[]> {
  const answers: string[] = [];
  const buffer = new Uint8Array(ANSWER_BYTES_MAX);
  let [length, at] = [0, 0];
  while (answers.length < count) {
    const end = answerEnd(buffer.subarray(0, length), at);
    if (end !== undefined) {
      const text = new TextDecoder().decode(buffer.subarray(at, end));
      if (text.startsWith("-")) throw new Error(text.slice(1).trim());
      answers.push(text);
      at = end;
      continue;
    }
    const read = await connection.read(buffer.subarray(length));
    if (read === null) throw new Error("the connection was closed before the answer");
    if (read === 0) throw new Error("the answer is too long for one of INFO");
    length += read;
  }
  return answers;
}

async function connect({ address, tls, ca }: Target): Promise<Deno.Conn> {
  if ("path" in address) return await Deno.connect({ transport: "unix", path: address.path });
  if (!tls) return await Deno.connect(address);
  return await Deno.connectTls({ ...address, ...(ca === undefined ? {} : { caCerts: [ca] }) });
}

async function info(target: Target, connection: Deno.Conn): Promise<string> {
  const { username, password } = target;
  const commands = [command("INFO")];
  if (password !== undefined) {
    commands.unshift(
      command("AUTH", ...(username === undefined ? [password] : [username, password])),
    );
  }
  const bytes = new TextEncoder().encode(commands.join(""));
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  const answers = await readAnswers(connection, commands.length);
  return answers.at(-1) ?? "";
}

async function ask(target: Target): Promise<CollectedTree> {
  let connection: Deno.Conn | undefined;
  let late = false;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late = true;
    reject(new Error(`no answer within ${target.timeout} ms`));
  }, target.timeout);
  const connecting = connect(target);
  // one that comes after all is not wanted any more
  connecting.then((opened) => late && opened.close(), () => {});
  const answered = (async () => {
    connection = await connecting;
    return { up: true, ...parseInfo(await info(target, connection)) };
  })();
  try {
    return await Promise.race([answered, promise]);
  } catch (error) {
    return { up: { value: false, message: error instanceof Error ? error.message : `${error}` } };
  } finally {
    clearTimeout(timer);
    // whoever waits for it then hears that it is closed
    connection?.close();
    answered.catch(() => {});
  }
}

export async function collect(host: Host<{ targets: Target[] }>): Promise<Collected> {
  const { targets } = host.options;
  return Object.fromEntries(
    await Promise.all(targets.map(async (target) => [target.name, await ask(target)] as const)),
  );
}
