/**
 * What `monitor up` serves is true: the same numbers as /proc and df. Counters are read before the
 * start and after the answer, and what was served has to lie between; what goes up and down may
 * differ by what a busy machine can change in these seconds.
 */
import assert from "node:assert/strict";
import { tempDir } from "../support/temp_dir.ts";
import { firstMetrics, METRICS_MIN } from "./first_metrics.ts";
import { diskFree, type MachineReading, readMachine } from "./machine.ts";
import { startMonitor } from "./run_monitor.ts";

const GIB = 1024 ** 3;
/** Averages of 1, 5 and 15 minutes move the slower the longer they are. */
const LOAD_TOLERANCES = [4, 2, 1];

type Metrics = Record<string, number>;

function valueOf(metrics: Metrics, name: string): number {
  const value = metrics[name];
  assert.ok(value !== undefined, `${name} is missing in ${Object.keys(metrics).join(", ")}`);
  return value;
}

function near(metrics: Metrics, name: string, wanted: { value: number; tolerance: number }): void {
  const value = valueOf(metrics, name);
  const { value: right, tolerance } = wanted;
  assert.ok(Math.abs(value - right) <= tolerance, `${name} is ${value}, the machine says ${right}`);
}

function between(metrics: Metrics, name: string, [low = NaN, high = NaN]: number[]): void {
  const value = valueOf(metrics, name);
  assert.ok(value >= low && value <= high, `${name} is ${value}, not between ${low} and ${high}`);
}

/** The names that stand between `prefix.` and `.suffix`. */
function partsOf(metrics: Metrics, prefix: string, suffix: string): string[] {
  return Object.keys(metrics)
    .filter((name) => name.startsWith(`${prefix}.`) && name.endsWith(`.${suffix}`))
    .map((name) => name.slice(prefix.length + 1, -suffix.length - 1));
}

function checkCounters(
  metrics: Metrics,
  names: { prefix: string; suffixes: string[] },
  readings: Map<string, number[]>[],
): void {
  const { prefix, suffixes } = names;
  const parts = partsOf(metrics, prefix, suffixes[0] ?? "");
  for (const part of parts) {
    for (const [index, suffix] of suffixes.entries()) {
      const bounds = readings.map((reading) => reading.get(part)?.[index] ?? NaN);
      between(metrics, `${prefix}.${part}.${suffix}`, bounds);
    }
  }
}

function checkMemory(metrics: Metrics, after: MachineReading): void {
  const of = (name: string) => after.memory.get(name) ?? NaN;
  assert.equal(metrics["memory_usage.total"], of("MemTotal"));
  assert.equal(metrics["memory_usage.swap_total"], of("SwapTotal"));
  near(metrics, "memory_usage.available", { value: of("MemAvailable"), tolerance: 4 * GIB });
  const available = valueOf(metrics, "memory_usage.available");
  assert.equal(metrics["memory_usage.used"], of("MemTotal") - available);
  const percent = 100 * (1 - available / of("MemTotal"));
  near(metrics, "memory_usage", { value: percent, tolerance: 0.01 });
}

async function checkDisks(metrics: Metrics): Promise<void> {
  for (const name of partsOf(metrics, "disk", "total")) {
    const df = await diskFree(name === "root" ? "/" : `/${name}`);
    assert.equal(metrics[`disk.${name}.total`], df.total, name);
    near(metrics, `disk.${name}.used`, { value: df.used, tolerance: 4 * GIB });
    near(metrics, `disk.${name}.available`, { value: df.available, tolerance: 4 * GIB });
    // df rounds up to whole percent; tests beside this one write while it runs
    const tolerance = 1 + 100 * 4 * GIB / (df.used + df.available);
    near(metrics, `disk.${name}.used_percent`, { value: df.used_percent, tolerance });
  }
}

Deno.test({
  name: "monitor up serves the numbers of /proc and df",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    const before = readMachine();
    await using monitor = await startMonitor(["up", "--port", "0", "--data", dir.join("data")]);
    const metrics = await firstMetrics(monitor.url);
    const after = readMachine();

    assert.ok(Object.keys(metrics).length >= METRICS_MIN);
    between(metrics, "uptime", [before.uptime_s, after.uptime_s]);
    between(metrics, "cpu_usage", [0, 100]);
    assert.equal(metrics["cpu_usage.cores"], after.cores);
    for (const [index, name] of ["1m", "5m", "15m"].entries()) {
      const [value = NaN, tolerance = NaN] = [after.load[index], LOAD_TOLERANCES[index]];
      near(metrics, `load.${name}`, { value, tolerance });
    }
    checkMemory(metrics, after);
    await checkDisks(metrics);
    checkCounters(metrics, {
      prefix: "network",
      suffixes: ["rx_bytes_total", "rx_packets_total", "tx_bytes_total", "tx_packets_total"],
    }, [before.network, after.network]);
    checkCounters(metrics, { prefix: "disk_io", suffixes: ["reads_total", "writes_total"] }, [
      before.disk_io,
      after.disk_io,
    ]);
  },
});
