/**
 * `deno task bench sources`: what a run of a collector that is no script costs the agent's process, in
 * milliseconds of a processor: reading a recorded page of node_exporter and one of 10,000 series,
 * starting a command, asking a kept Python, taking lines of StatsD. What the other side does, and the
 * transport of a page, is not in it.
 */
import { loadAgentConfig } from "../../agent/config.ts";
import { expositionOptions, ExpositionReader } from "../../agent/sources/exposition_series.ts";
import { sourceContext } from "../../agent/sources/source.ts";
import { findSources } from "../../agent/sources/sources.ts";
import { StatsdTotals } from "../../agent/sources/statsd_totals.ts";
import { systemClock } from "../../clock.ts";
import { silentLogger } from "../../log.ts";
import { scriptFolder } from "../agent/script_folder.ts";
import { recordedPage } from "../support/exporter.ts";

const ROUNDS = 200;
/** For the compiler. */
const WARM_UP = 20;
/** CPU milliseconds of this process for one call, threads included. */
async function cost(work: () => unknown, rounds = ROUNDS): Promise<number> {
  for (let i = 0; i < WARM_UP; i++) await work();
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) await work();
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) / rounds) / 1_000;
}

function largePage(): string {
  const series = (i: number) =>
    `http_request_duration_seconds_bucket{code="200",le="0.5",method="get",route="/v1/${i}"} ${i}\n`;
  return `# TYPE http_request_duration_seconds histogram\n${
    Array.from({ length: 10_000 }, (_, i) => series(i)).join("")
  }`;
}

export async function run(): Promise<Record<string, unknown>> {
  await using folder = await scriptFolder({
    "one.py": "import os\ndef collect():\n    return os.getloadavg()[0]\n",
  });
  const config = await loadAgentConfig({
    overrides: {
      metrics: [folder.path],
      python: true,
      exec: { command: { command: ["true"], format: "nagios" } },
    },
  });
  const context = sourceContext(config, { clock: systemClock, log: silentLogger });
  const { collectors } = await findSources(config, context);
  const page = await recordedPage("node_exporter.txt.gz");
  const large = largePage();
  const reader = new ExpositionReader(expositionOptions({}));
  const statsd = new StatsdTotals({
    ...{ prefix: "", names_max: 10_000, expire_ms: 60_000, random: Math.random },
  });
  const packet = Array.from({ length: 100 }, (_, i) => `api.time${i}:${i}|ms|#env:prod,zone:a`)
    .join("\n");
  const figures: Record<string, number> = {
    page_507_series: await cost(() => reader.read(page, "text")),
    page_10000_series: await cost(() => reader.read(large, "text"), 40),
    statsd_100_lines: await cost(() => statsd.take(packet, 0), 2_000),
  };
  for (const { name, runner } of collectors) {
    figures[name === "one" ? "python_file" : name] = await cost(() =>
      runner.collect({ at_ms: 0, timeout_ms: 10_000 })
    );
    await runner[Symbol.asyncDispose]();
  }
  return { cpu_ms: figures };
}
