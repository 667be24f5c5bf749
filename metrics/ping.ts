/**
 * Whether hosts answer pings, how long that takes, and how much is lost on the way. The system's own
 * `ping` does it: sending such packets is a right that a program of ours does not have.
 */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Whether hosts answer pings",
  kind: "gauge",
  every: "60s",
  timeout: "30s",
  platforms: ["linux", "darwin"],
  permissions: { run: ["ping"] },
  options: {
    targets: {
      type: "targets",
      required: true,
      shorthand: "host",
      description: "Hosts to ping",
      fields: {
        host: { type: "text", required: true, description: "Name or address" },
        count: {
          type: "number",
          default: 3,
          min: 1,
          max: 10,
          description: "How many pings, a second apart",
        },
      },
    },
  },
  metrics: {
    up: { kind: "state", description: "Whether any ping was answered" },
    loss_percent: { unit: "%", description: "Pings without an answer" },
    min_ms: { unit: "ms", description: "Fastest answer" },
    average_ms: { unit: "ms", description: "Average time to an answer" },
    max_ms: { unit: "ms", description: "Slowest answer" },
  },
};

interface Target {
  name: string;
  host: string;
  count: number;
}

const ANSWER_SECONDS_MAX = 2;

/** What `ping` says at its end; undefined when that is nothing about answers. */
export function parsePing(text: string): CollectedTree | undefined {
  const [, loss] = /(?<![\d.])(\d+(?:\.\d+)?)% (?:packet )?loss/.exec(text) ?? [];
  if (loss === undefined) return undefined;
  // Linux says "rtt min/avg/max/mdev", macOS and busybox "round-trip min/avg/max"
  const [, min, average, max] = /min\/avg\/max\S* = ([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(text) ??
    [];
  const times: CollectedTree = min === undefined
    ? {}
    : { min_ms: Number(min), average_ms: Number(average), max_ms: Number(max) };
  return { up: Number(loss) < 100, loss_percent: Number(loss), ...times };
}

async function run(args: string[]): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command("ping", { args }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("the program ping is not installed; Debian has it in iputils-ping");
  }
}

async function check(target: Target, platform: string): Promise<CollectedTree> {
  const { host, count } = target;
  // a host never begins with a dash, which would be an option
  if (!/^[\w:][\w.:%-]*$/.test(host)) {
    return { up: { value: false, message: `${JSON.stringify(host)} is no name or address` } };
  }
  const wait = platform === "darwin" ? `${ANSWER_SECONDS_MAX * 1000}` : `${ANSWER_SECONDS_MAX}`;
  const { stdout, stderr } = await run(["-n", "-q", "-c", String(count), "-W", wait, host]);
  const text = new TextDecoder().decode(stdout);
  const [first = ""] = new TextDecoder().decode(stderr).trim().split("\n");
  const message = first.replace(/^\S*ping: /, "") || "ping said nothing";
  return parsePing(text) ?? { up: { value: false, message } };
}

export async function collect(host: Host<{ targets: Target[] }>): Promise<Collected> {
  const { targets } = host.options;
  const entries = targets.map(async (target) =>
    [target.name, await check(target, host.platform)] as const
  );
  return Object.fromEntries(await Promise.all(entries));
}
