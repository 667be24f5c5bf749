/**
 * How many processes there are, by what they are doing; with the option `top`, those that use most
 * of the processors and of the memory, by name. Processes of one name are added up: a web server is
 * twenty processes, and the question is what the web server uses.
 */
import type { Collected, CollectedTree, Host, Metric, Process } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Processes by what they are doing; on request those that use most",
  kind: "gauge",
  platforms: ["linux"],
  // one file for every process is read
  every: "60s",
  options: {
    top: {
      type: "number",
      default: 0,
      min: 0,
      max: 50,
      description: "How many names are told that use most processor time, and most memory",
    },
  },
  metrics: {
    "": { description: "Processes that exist" },
    running: { description: "Processes that run or could run" },
    sleeping: { description: "Processes that wait for something to happen" },
    blocked: { description: "Processes that wait for a disk and cannot be interrupted" },
    stopped: { description: "Processes that were stopped or are being debugged" },
    zombie: { description: "Processes that ended and whose parent has not asked how" },
    threads: { description: "Threads of all processes" },
    cpu_percent: {
      unit: "%",
      description: "Processor time since the previous report; 100 is one core",
    },
    memory_bytes: { unit: "B", description: "Resident memory, shared parts counted each time" },
    count: { description: "Processes of that name" },
  },
};

const STATES: Record<string, string> = {
  R: "running",
  S: "sleeping",
  // the kernel's own threads that have nothing to do
  I: "sleeping",
  D: "blocked",
  T: "stopped",
  t: "stopped",
  Z: "zombie",
};

/** Counts by state, every state present. */
export function countStates(processes: readonly Process[]): Record<string, number> {
  const counts: Record<string, number> = { "": processes.length, threads: 0 };
  for (const state of Object.values(STATES)) counts[state] = 0;
  for (const { state, threads } of processes) {
    const name = STATES[state];
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
    counts.threads = (counts.threads ?? 0) + threads;
  }
  return counts;
}

interface Usage {
  name: string;
  cpu_percent: number;
  memory_bytes: number;
  count: number;
}

/** Use by name between two readings that are `seconds` apart. */
export function usageByName(
  processes: readonly Process[],
  before: ReadonlyMap<string, number>,
  seconds: number,
): Usage[] {
  const by_name = new Map<string, Usage>();
  for (const process of processes) {
    const { name } = process;
    const usage = by_name.get(name) ?? { name, cpu_percent: 0, memory_bytes: 0, count: 0 };
    by_name.set(name, usage);
    // one that is new began at 0
    const spent = process.cpu_seconds - (before.get(processKey(process)) ?? 0);
    usage.cpu_percent += 100 * Math.max(0, spent) / seconds;
    usage.memory_bytes += process.memory_bytes;
    usage.count += 1;
  }
  return [...by_name.values()];
}

/** A number may be given again to another process: then it has another start. */
function processKey({ pid, started_ticks }: Process): string {
  return `${pid} ${started_ticks}`;
}

/** With names as series can have them; what then has the same name is added up. */
function withPlainNames(usages: readonly Usage[]): Usage[] {
  const by_name = new Map<string, Usage>();
  for (const usage of usages) {
    const name = usage.name.replace(/[^\w.:/@-]/g, "_");
    const other = by_name.get(name) ?? { cpu_percent: 0, memory_bytes: 0, count: 0 };
    by_name.set(name, {
      name,
      cpu_percent: other.cpu_percent + usage.cpu_percent,
      memory_bytes: other.memory_bytes + usage.memory_bytes,
      count: other.count + usage.count,
    });
  }
  return [...by_name.values()];
}

/** The `count` names with most of one sort; what uses nothing is not told. */
export function topTree(all: readonly Usage[], count: number): CollectedTree {
  const usages = withPlainNames(all);
  const largest = (of: (usage: Usage) => number) =>
    usages.filter((usage) => of(usage) > 0).sort((a, b) =>
      of(b) - of(a) || (a.name < b.name ? -1 : 1)
    )
      .slice(0, count);
  const chosen = new Set([
    ...largest((usage) => Math.round(usage.cpu_percent * 100)),
    ...largest((usage) => usage.memory_bytes),
  ]);
  return Object.fromEntries([...chosen].map(({ name, cpu_percent, memory_bytes, count }) => [
    name,
    { cpu_percent: Math.round(cpu_percent * 100) / 100, memory_bytes, count },
  ]));
}

let previous: { at_ms: number; cpu: Map<string, number> } | undefined;

export async function collect(host: Host<{ top: number }>): Promise<Collected> {
  const processes = await host.processes();
  const counts = countStates(processes);
  const { top } = host.options;
  if (top === 0) return counts;
  const at_ms = performance.now();
  const cpu = new Map(processes.map((one) => [processKey(one), one.cpu_seconds]));
  const before = previous;
  previous = { at_ms, cpu };
  if (before === undefined) return counts;
  const usages = usageByName(processes, before.cpu, (at_ms - before.at_ms) / 1000);
  return { ...counts, top: topTree(usages, top) };
}
