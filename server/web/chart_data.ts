/**
 * Which charts a host's metrics make, and what is drawn in each: pure. Metrics that belong together
 * are in one chart: the modes of the processors, the parts of the memory, in and out of an interface,
 * the same number of several disks. What nobody has thought of is a chart of its own.
 */
import type { SeriesData } from "./api.ts";
import { unitOf } from "./format.ts";

export interface ChartLine {
  name: string;
  series: SeriesData;
}

export interface ChartPlan {
  key: string;
  group: string;
  title: string;
  unit: string | null;
  /** The lines are rates of counters. */
  per_second: boolean;
  stacked: boolean;
  lines: ChartLine[];
}

interface Family {
  /** Its first group is the instance, if there is one. */
  pattern: RegExp;
  title: (instance: string) => string;
  /** Name of a line; the metric's last part when left out. */
  line?: (metric: string) => string;
  /** One chart for all instances, each a line of its own. */
  together?: boolean;
  stacked?: boolean;
  /** The order of the lines by their names; else as they come. */
  order?: readonly string[];
}

/** What an operator looks for first, first. */
const CPU_MODES = ["user", "system", "iowait", "steal", "nice", "irq", "softirq"];
const MEMORY_PARTS = ["used", "buffers", "cached", "free"];

/** Said by another chart already, or the same all the time: these are among the latest values. */
const UNDRAWN =
  /^(cpu_usage\.(cores|idle|guest)|memory_usage\.(total|available|slab|shared|swap_used_percent)|disk\..+\.(total|used|available)|load\.threads)$/;

/** The first that matches counts. */
const FAMILIES: readonly Family[] = [
  { pattern: /^cpu_usage$/, title: () => "Processors busy" },
  {
    pattern: new RegExp(`^cpu_usage\\.(?:${CPU_MODES.join("|")})$`),
    title: () => "Processors by mode",
    stacked: true,
    order: CPU_MODES,
  },
  { pattern: /^cpu_usage\.core\.([^.]+)\.busy$/, title: () => "Each processor", together: true },
  { pattern: /^memory_usage$/, title: () => "Memory in use" },
  {
    pattern: new RegExp(`^memory_usage\\.(?:${MEMORY_PARTS.join("|")})$`),
    title: () => "Memory",
    stacked: true,
    order: MEMORY_PARTS,
  },
  { pattern: /^memory_usage\.swap_(?:used|total)$/, title: () => "Swap" },
  { pattern: /^load\.(?:1m|5m|15m)$/, title: () => "Load" },
  {
    pattern: /^disk\.(.+)\.used_percent$/,
    title: () => "Disks, space used",
    together: true,
  },
  {
    pattern: /^disk\.(.+)\.inodes_used_percent$/,
    title: () => "Disks, inodes used",
    together: true,
  },
  {
    pattern: /^disk_io\.(.+)\.(?:read|written)_bytes_total$/,
    title: (disk) => `${disk} read and written`,
  },
  { pattern: /^disk_io\.(.+)\.busy_percent$/, title: () => "Disks busy", together: true },
  { pattern: /^disk_io\.(.+)\.(?:read|write)_ms$/, title: (disk) => `${disk} latency` },
  { pattern: /^network\.(.+)\.[rt]x_bytes_total$/, title: (name) => `${name} traffic` },
  { pattern: /^network\.(.+)\.[rt]x_packets_total$/, title: (name) => `${name} packets` },
  {
    pattern: /^network\.(.+)\.[rt]x_(?:errors|drops)_total$/,
    title: (name) => `${name} errors and drops`,
  },
  { pattern: /^pressure\.(.+)\.(?:some|full)$/, title: (resource) => `Pressure on ${resource}` },
  // of agents and servers: what is told by collector, channel or result is one chart
  { pattern: /^(monitor_(?:agent|server)_\w+)\{/, title: (metric) => metric },
];

const LINE_NAMES: Readonly<Record<string, string>> = {
  rx_bytes_total: "in",
  tx_bytes_total: "out",
  rx_packets_total: "in",
  tx_packets_total: "out",
  read_bytes_total: "read",
  written_bytes_total: "written",
};

/** Groups in this order, then by name; the agent's own numbers last. */
const GROUPS = [
  "cpu_usage",
  "memory_usage",
  "load",
  "pressure",
  "disk",
  "disk_io",
  "network",
  "tcp",
];

function groupOf(metric: string): string {
  const [, own] = /^(monitor_(?:agent|server))_/.exec(metric) ?? [];
  if (own !== undefined) return own;
  return /^[^.{]+/.exec(metric)?.[0] ?? metric;
}

function groupRank(group: string): number {
  const at = GROUPS.indexOf(group);
  return at >= 0 ? at : group.startsWith("monitor_") ? GROUPS.length + 1 : GROUPS.length;
}

function lastPart(metric: string): string {
  const label = /^([^{]*)(\{.*)?$/.exec(metric);
  return label?.[2] ?? metric.split(".").at(-1) ?? metric;
}

/** The charts of a host, in the order in which they are shown. */
export function planCharts(all: readonly SeriesData[]): ChartPlan[] {
  const plans = new Map<string, ChartPlan>();
  for (const series of all) {
    const { metric, unit, kind } = series;
    if (series.t.length === 0 || UNDRAWN.test(metric)) continue;
    const group = groupOf(metric);
    const index = FAMILIES.findIndex(({ pattern }) => pattern.test(metric));
    const family = FAMILIES[index];
    const instance = family?.pattern.exec(metric)?.[1] ?? "";
    const part = family?.together === true ? "" : instance;
    const key = family === undefined ? metric : `${index} ${part}`;
    const last = lastPart(metric);
    const name = family?.together === true ? instance : LINE_NAMES[last] ?? last;
    const plan = plans.get(key) ?? {
      key,
      group,
      title: family?.title(instance) ?? metric,
      unit: unitOf(unit),
      per_second: kind === "counter",
      stacked: family?.stacked ?? false,
      lines: [],
    };
    plan.lines.push({ name, series });
    plans.set(key, plan);
  }
  for (const { key, lines } of plans.values()) {
    const order = FAMILIES[Number(/^\d+ /.exec(key)?.[0] ?? -1)]?.order;
    if (order !== undefined) lines.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  }
  const collator = new Intl.Collator("en", { numeric: true });
  const order = (plan: ChartPlan) => Number(/^\d+ /.exec(plan.key)?.[0] ?? FAMILIES.length);
  return [...plans.values()].sort((a, b) =>
    groupRank(a.group) - groupRank(b.group) || collator.compare(a.group, b.group) ||
    order(a) - order(b) || collator.compare(a.title, b.title)
  );
}

/** What is drawn of a series: the rate of a counter, the last of a state, else the average. */
export function valuesOf(series: SeriesData): readonly (number | null)[] {
  const { kind, rate, last, avg, sum, min, max, count, p50, p90, p95, p99 } = series;
  if (kind === "counter" && rate !== undefined) return rate;
  if (kind === "state" && last !== undefined) return last;
  return avg ?? sum ?? max ?? min ?? count ?? p50 ?? p90 ?? p95 ?? p99 ?? [];
}

export interface AlignedData {
  t: number[];
  lines: (number | null)[][];
  /** The smallest and the largest sample of each step, of a chart with one line. */
  band?: { low: (number | null)[]; high: (number | null)[] };
}

/** Reports further apart than this many usual distances are a hole, not a slow host. */
const HOLE_DISTANCES = 2.5;

/** How far apart points usually are: the distance that half of them do not exceed. */
function usualDistance(times: readonly number[]): number {
  const distances = times.slice(1).map((at_s, i) => at_s - (times[i] ?? 0)).sort((a, b) => a - b);
  return distances[distances.length >> 1] ?? 0;
}

/**
 * All lines on one axis of time. Where nobody has a point for longer than usual there is a hole: a
 * point with nothing in it. A host that reports more seldom than there are steps has none.
 * @param step_s Length of a step.
 */
export function align(lines: readonly ChartLine[], step_s: number): AlignedData {
  const times = [...new Set(lines.flatMap(({ series }) => series.t))].sort((a, b) => a - b);
  const hole_s = Math.max(step_s * 1.5, usualDistance(times) * HOLE_DISTANCES);
  const t: number[] = [];
  for (const [i, at_s] of times.entries()) {
    const before = times[i - 1];
    if (before !== undefined && at_s - before > hole_s) t.push(before + step_s);
    t.push(at_s);
  }
  const place = new Map(t.map((at_s, i) => [at_s, i]));
  const spread = (series: SeriesData, values: readonly (number | null)[]) => {
    const all: (number | null)[] = new Array(t.length).fill(null);
    series.t.forEach((at_s, i) => all[place.get(at_s) ?? 0] = values[i] ?? null);
    return all;
  };
  const [first] = lines;
  const { min, max, kind } = first?.series ?? {};
  const has_band = lines.length === 1 && kind === "gauge" && min !== undefined && max !== undefined;
  return {
    t,
    lines: lines.map(({ series }) => spread(series, valuesOf(series))),
    ...(has_band && first !== undefined
      ? { band: { low: spread(first.series, min), high: spread(first.series, max) } }
      : {}),
  };
}

/** Each line on top of those before it; a hole in one is a hole in what is above. */
export function stack(lines: readonly (number | null)[][]): (number | null)[][] {
  const below: (number | null)[] = [];
  return lines.map((line) =>
    line.map((value, i) => {
      const base = below[i] === undefined ? 0 : below[i];
      return below[i] = value === null || base === null ? null : base + value;
    })
  );
}

/** Ends of the axis: 0 to 100 for percents, from 0 unless the values hardly differ. */
export function valueRange(
  low: number | null,
  high: number | null,
  unit: string | null,
): [number, number] {
  if (low === null || high === null) return [0, 1];
  if (unit === "%" && low >= 0 && high <= 100.5) return [0, 100];
  const spread = high - low;
  if (spread === 0) return high === 0 ? [0, 1] : high > 0 ? [0, high * 1.1] : [high * 1.1, 0];
  const is_flat = low > 0 && spread < high * 0.1;
  return is_flat
    ? [low - spread * 0.1, high + spread * 0.1]
    : [Math.min(0, low * 1.05), high * 1.05];
}
