/**
 * How busy the processors are, in percent of all of them together: `cpu_usage` in total, and
 * `cpu_usage.user`, `.system`, `.iowait` … by what they did. With the option `per_core` also
 * `cpu_usage.core.0.busy` and so on, each in percent of itself.
 */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  unit: "%",
  kind: "gauge",
  description: "Time the processors were busy since the previous report",
  options: {
    per_core: {
      type: "boolean",
      default: false,
      description: "Also tell how busy each processor is",
    },
  },
  metrics: {
    user: { description: "Running programs" },
    nice: { description: "Running programs of low priority" },
    system: { description: "Running the kernel" },
    iowait: { description: "Idle, with a program waiting for a disk" },
    irq: { description: "Serving hardware interrupts" },
    softirq: { description: "Serving software interrupts" },
    steal: { description: "Wanted by this machine, but given to others by the hypervisor" },
    guest: { description: "Running virtual machines; part of user and nice" },
    idle: { description: "Doing nothing" },
    cores: { unit: "", description: "Processors that are online" },
    busy: { description: "Time this processor was busy since the previous report" },
  },
};

interface Options {
  per_core: boolean;
}

/** The first report would have no previous one: it compares two readings this far apart. */
const FIRST_INTERVAL_MS = 250;

/** Time by mode since the machine started, in any unit, over all processors. */
export interface CpuTimes {
  modes: Record<string, number>;
  cores: number;
}

const MODES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest"];

/** Text of /proc/stat. Guest time is contained in user and nice there, and stays so. */
export function parseStat(text: string): CpuTimes {
  const lines = text.split("\n");
  const fields = lines.find((line) => line.startsWith("cpu "))?.trim().split(/\s+/).slice(1) ?? [];
  const guest_nice = Number(fields[9] ?? 0);
  const modes = Object.fromEntries(MODES.map((mode, index) => [mode, Number(fields[index] ?? 0)]));
  modes.guest = (modes.guest ?? 0) + guest_nice;
  return { modes, cores: lines.filter((line) => /^cpu\d/.test(line)).length };
}

/** Hundredths are what a person can read, and compress well. */
function rounded(percent: number): number {
  return Math.round(percent * 100) / 100;
}

/** Percent by mode between two readings; the empty key is the busy time. undefined: no time passed. */
export function usage(before: CpuTimes, after: CpuTimes): Record<string, number> | undefined {
  // iowait may go backwards by a little: the kernel says so itself.
  const spent = Object.fromEntries(
    Object.entries(after.modes).map(([mode, time]) => {
      return [mode, Math.max(0, time - (before.modes[mode] ?? 0))];
    }),
  );
  const { guest = 0, ...counted } = spent;
  const total = Object.values(counted).reduce((sum, time) => sum + time, 0);
  if (total === 0) return undefined;
  const idle = (counted.idle ?? 0) + (counted.iowait ?? 0);
  const result: Record<string, number> = { "": rounded(100 * (total - idle) / total) };
  for (const [mode, time] of Object.entries(counted)) result[mode] = rounded(100 * time / total);
  if ("guest" in after.modes) result.guest = rounded(100 * guest / total);
  result.cores = after.cores;
  return result;
}

/** Time of one processor, busy and in all. */
interface CoreTimes {
  busy: number;
  total: number;
}

/** Text of /proc/stat, by the processor's number. */
export function parseCores(text: string): CoreTimes[] {
  const cores: CoreTimes[] = [];
  for (const [, number, fields = ""] of text.matchAll(/^cpu(\d+) +(.*)$/gm)) {
    // guest time is contained in user and nice
    const times = fields.split(" ").slice(0, 8).map(Number);
    const total = times.reduce((sum, time) => sum + time, 0);
    const [, , , idle = 0, iowait = 0] = times;
    cores[Number(number)] = { busy: total - idle - iowait, total };
  }
  return cores;
}

/** Percent by processor; one that has just been switched on is not told. */
export function coreUsage(
  before: readonly CoreTimes[],
  after: readonly CoreTimes[],
): CollectedTree {
  const cores: CollectedTree = {};
  // processors that are switched off leave holes, which forEach passes over
  after.forEach(({ busy, total }, number) => {
    const old = before[number];
    if (old === undefined || total <= old.total) return;
    const percent = rounded(100 * Math.max(0, busy - old.busy) / (total - old.total));
    cores[number] = { busy: Math.min(100, percent) };
  });
  return cores;
}

interface Reading {
  times: CpuTimes;
  cores: CoreTimes[];
}

async function read(host: Host<Options>): Promise<Reading> {
  const { per_core } = host.options;
  if (host.platform === "linux") {
    const text = await host.read("/proc/stat");
    return { times: parseStat(text), cores: per_core ? parseCores(text) : [] };
  }
  const cpus = await host.cpus();
  const cores = cpus.map(({ user, nice, system, idle, irq }) => {
    const busy = user + nice + system + irq;
    return { busy, total: busy + idle };
  });
  const modes = { user: 0, nice: 0, system: 0, idle: 0, irq: 0 };
  for (const cpu of cpus) {
    modes.user += cpu.user;
    modes.nice += cpu.nice;
    modes.system += cpu.system;
    modes.idle += cpu.idle;
    modes.irq += cpu.irq;
  }
  return { times: { modes, cores: cpus.length }, cores: per_core ? cores : [] };
}

let previous: Reading | undefined;

export async function collect(host: Host<Options>): Promise<Collected> {
  if (previous === undefined) {
    previous = await read(host);
    await host.sleep(FIRST_INTERVAL_MS);
  }
  const now = await read(host);
  const result = usage(previous.times, now.times);
  const cores = coreUsage(previous.cores, now.cores);
  previous = now;
  if (result === undefined) return null;
  return host.options.per_core ? { ...result, core: cores } : result;
}
