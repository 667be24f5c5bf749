/**
 * `deno task bench agent [--minutes=N] [--binary=FILE] [--v8-flags=…] [--interval=SECONDS]`: what an
 * agent with the shipped collectors costs, all its processes together: memory after it has settled,
 * processor time an hour, and how long each collector takes.
 *
 * A minute is enough to see whether something has become worse; figures for docs/BENCHMARKS.md are of
 * `--minutes=5`. The start is told apart: it is paid once.
 *
 * The target is of PSS, which divides what several programs share among them. Another Deno on the
 * machine shares most of what is mapped of its file: for an agent from source RSS is told beside it,
 * which is about what it has when it is alone.
 */
import { parseArgs } from "node:util";
import { loadAgentConfig } from "../../agent/config.ts";
import { loadCollectors } from "../../agent/collectors.ts";
import { createHostMethods } from "../../agent/host.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import { systemClock } from "../../clock.ts";
import manifest from "../../deno.json" with { type: "json" };
import { silentLogger } from "../../log.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type TreeUse, treeUse } from "./process_tree.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
/** Loading, the first reports and the first collections of garbage belong to the start. */
const SETTLE_S = 25;
const SAMPLE_S = 5;
const RUNS_PER_SCRIPT = 30;
const TARGET = { pss_mb: 90, cpu_s_per_hour: 15 };

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** Takes every report, as the server would. */
function takingServer() {
  let reports = 0;
  let bytes = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      bytes += (await request.arrayBuffer()).byteLength;
      reports += 1;
      return Response.json({ status: "received", stored: 1 });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    counts: () => ({ reports, bytes }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

interface Options {
  minutes: number;
  interval: string;
  binary?: string;
  v8_flags?: string;
}

/** The flags of the task people start the agent with. */
function taskFlags(): string {
  const [, flags = ""] = /--v8-flags=(\S+)/.exec(manifest.tasks.monitor.command) ?? [];
  return flags;
}

function agentCommand(args: string[], { binary, v8_flags = taskFlags() }: Options): Deno.Command {
  const source = ["run", "-A", "--no-check", `--v8-flags=${v8_flags}`, "--config", CONFIG, MAIN];
  const [program, first] = binary === undefined ? [Deno.execPath(), source] : [binary, []];
  return new Deno.Command(program, {
    args: [...first, "agent", ...args],
    env: { NO_PROXY: "*" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
}

/** Wall time of one run of each collector, in a sandbox of this process; the median of many. */
async function scriptTimes(): Promise<Record<string, number>> {
  using sandbox = new Sandbox({
    host: createHostMethods({ clock: systemClock }),
    clock: systemClock,
    log: silentLogger,
  });
  const config = await loadAgentConfig({ overrides: { metrics: [] } });
  const { collectors } = await loadCollectors(config, { sandbox });
  const times: Record<string, number> = {};
  for (const { name } of collectors) {
    const runs: number[] = [];
    for (let run = 0; run <= RUNS_PER_SCRIPT; run++) {
      const begin_ms = performance.now();
      await sandbox.collect(name, 5_000);
      // the first one loads the script, and that of cpu_usage waits for a second reading
      if (run > 0) runs.push(performance.now() - begin_ms);
    }
    times[name] = rounded(runs.sort((a, b) => a - b)[RUNS_PER_SCRIPT / 2] ?? 0);
  }
  return times;
}

/** The use of a running agent over the minutes, and what it was when that began. */
async function watch(pid: number, minutes: number): Promise<{ start: TreeUse; uses: TreeUse[] }> {
  await systemClock.sleep(SETTLE_S * 1000);
  const start = treeUse(pid);
  const uses: TreeUse[] = [];
  const samples = Math.max(1, Math.round(minutes * 60 / SAMPLE_S));
  for (let sample = 0; sample < samples; sample++) {
    await systemClock.sleep(SAMPLE_S * 1000);
    uses.push(treeUse(pid));
  }
  return { start, uses };
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "1" },
      interval: { type: "string", default: "10" },
      binary: { type: "string" },
      "v8-flags": { type: "string" },
    },
  });
  const minutes = Number(values.minutes);
  const options: Options = {
    minutes,
    interval: values.interval,
    binary: values.binary,
    v8_flags: values["v8-flags"],
  };
  await using dir = await tempDir();
  await using server = takingServer();
  const settings = dir.join("agent.json");
  await Deno.writeTextFile(settings, JSON.stringify({ metrics: [], data_dir: dir.join("data") }));
  const child = agentCommand(
    ["--config", settings, "--server", server.url, "--interval", options.interval],
    options,
  ).spawn();
  try {
    say(`an agent that collects every ${options.interval} s, ${minutes} min`);
    const before = performance.now();
    const { start, uses } = await watch(child.pid, minutes);
    const seconds = (performance.now() - before) / 1000 - SETTLE_S;
    const last = uses.at(-1) ?? start;
    const { reports, bytes } = server.counts();
    if (last.processes === 0 || reports === 0) {
      throw new Error("the agent has ended, or sent nothing");
    }
    const mb = (kb: number) => rounded(kb * 1024 / 1e6);
    const cpu_s_per_hour = rounded((last.cpu_s - start.cpu_s) / seconds * 3600);
    const pss_mb_max = mb(Math.max(...uses.map(({ pss_kb }) => pss_kb)));
    const rss_mb_max = mb(Math.max(...uses.map(({ rss_kb }) => rss_kb)));
    say("each collector alone");
    return {
      minutes,
      pss_mb_max,
      pss_mb_last: mb(last.pss_kb),
      rss_mb_max,
      rss_mb_last: mb(last.rss_kb),
      private_mb_last: mb(last.private_kb),
      cpu_s_per_hour,
      start_cpu_s: rounded(start.cpu_s),
      processes: last.processes,
      threads: last.threads,
      reports,
      bytes_per_report: Math.round(bytes / reports),
      within_target: pss_mb_max <= TARGET.pss_mb && cpu_s_per_hour <= TARGET.cpu_s_per_hour,
      script_ms: await scriptTimes(),
    };
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}
