/**
 * `deno task bench binary`: what the executable weighs and how long its user waits. Needs
 * dist/monitor (`deno task compile`), or the file MONITOR_TEST_BINARY names. Linux only.
 */
import { resolve } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { systemClock } from "../../clock.ts";
import { METRICS_MIN } from "../e2e/first_metrics.ts";
import { tempDir } from "../support/temp_dir.ts";

const BINARY = resolve(Deno.env.get("MONITOR_TEST_BINARY") ?? "dist/monitor");
const HELPS = 15;
const NEXT_STARTS = 5;
const ZSTD_LEVEL = 19;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Runs `--help`: milliseconds, and the most memory it had, in MiB, as often as that could be seen. */
async function help(home: string): Promise<{ ms: number; rss_mib: number }> {
  const begun_ms = performance.now();
  const child = new Deno.Command(BINARY, {
    args: ["--help"],
    clearEnv: true,
    env: { HOME: home },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let peak_kib = 0;
  let running = true;
  const ended = child.output().then(() => running = false);
  while (running) {
    const status = await Deno.readTextFile(`/proc/${child.pid}/status`).catch(() => "");
    peak_kib = Math.max(peak_kib, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    await systemClock.sleep(1);
  }
  await ended;
  return { ms: performance.now() - begun_ms, rss_mib: peak_kib / 1024 };
}

/** Seconds from the start to the first metrics; also how long it took to say where it listens. */
async function start(data: string, home: string): Promise<{ ready_s: number; metrics_s: number }> {
  const begun_ms = performance.now();
  const seconds = () => (performance.now() - begun_ms) / 1000;
  const child = new Deno.Command(BINARY, {
    args: ["up", "--port", "0", "--data", data],
    clearEnv: true,
    env: { HOME: home, NO_PROXY: "*" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  let ready_s = NaN;
  let metrics_s = NaN;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream()).values()) {
    text += chunk;
    const [, port] = /localhost:(\d+)/.exec(text) ?? [];
    if (port === undefined) continue;
    ready_s = seconds();
    while (Number.isNaN(metrics_s)) {
      const answer = await (await fetch(`http://127.0.0.1:${port}/fetch/latest`)).json();
      const [host] = Object.values<{ metrics: Record<string, number> }>(answer);
      if (Object.keys(host?.metrics ?? {}).length >= METRICS_MIN) metrics_s = seconds();
    }
    break;
  }
  child.kill("SIGINT");
  await child.status;
  return { ready_s, metrics_s };
}

export async function run(): Promise<Record<string, unknown>> {
  await using dir = await tempDir();
  const home = dir.join("home");
  await Deno.mkdir(home);
  const bytes = await Deno.readFile(BINARY);
  say(`${BINARY}: packing it by zstd -${ZSTD_LEVEL}`);
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
  const packed = zstdCompressSync(bytes, { params }).length;
  say("--help");
  const helps: { ms: number; rss_mib: number }[] = [];
  for (let i = 0; i < HELPS; i++) helps.push(await help(home));
  say("starts");
  const first = await start(dir.join("data"), home);
  const next: { ready_s: number; metrics_s: number }[] = [];
  for (let i = 0; i < NEXT_STARTS; i++) next.push(await start(dir.join("data"), home));
  const rounded = (value: number, digits = 3) => Number(value.toPrecision(digits));
  return {
    size_mb: rounded(bytes.length / 1e6, 4),
    zstd_mb: rounded(packed / 1e6),
    help_ms: rounded(median(helps.map(({ ms }) => ms))),
    help_rss_mib: rounded(Math.max(...helps.map(({ rss_mib }) => rss_mib))),
    first_ready_s: rounded(first.ready_s),
    first_metrics_s: rounded(first.metrics_s),
    next_ready_s: rounded(median(next.map(({ ready_s }) => ready_s))),
    next_metrics_s: rounded(median(next.map(({ metrics_s }) => metrics_s))),
  };
}
