/**
 * What each physical disk has read and written since the machine started, and how hard that was since
 * the previous report: how much of the time it was busy, and how long one read or write took.
 */
import type { Collected, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "What the disks read and write, and how hard that is",
  kind: "counter",
  platforms: ["linux"],
  metrics: {
    read_bytes_total: { unit: "B", description: "Bytes read" },
    written_bytes_total: { unit: "B", description: "Bytes written" },
    reads_total: { description: "Reads completed" },
    writes_total: { description: "Writes completed" },
    read_seconds_total: { unit: "s", description: "Time all reads took, added up" },
    write_seconds_total: { unit: "s", description: "Time all writes took, added up" },
    busy_seconds_total: {
      unit: "s",
      description: "Time with something to do: 1 s a second is full",
    },
    busy_percent: {
      unit: "%",
      kind: "gauge",
      description: "Time with something to do since the previous report",
    },
    read_ms: { unit: "ms", kind: "gauge", description: "How long a read took, on average" },
    write_ms: { unit: "ms", kind: "gauge", description: "How long a write took, on average" },
    queue: { kind: "gauge", description: "Reads and writes under way or waiting, on average" },
  },
};

/** The kernel counts in sectors of this size, whatever the disk's own is. */
const SECTOR_BYTES = 512;
/** Not disks: in memory, made of other disks (counted there), or with a medium that comes and goes. */
const NOT_PHYSICAL = /^(loop|ram|zram|dm-|md|sr|fd|nbd)\d/;

/** `sda1` is a part of `sda`, `nvme0n1p2` of `nvme0n1`. */
export function isPartition(name: string, names: ReadonlySet<string>): boolean {
  const whole = /^(.*\D)\d+$/.exec(name)?.[1];
  const numbered = /^(.*\d)p\d+$/.exec(name)?.[1];
  return (whole !== undefined && names.has(whole)) ||
    (numbered !== undefined && names.has(numbered));
}

type Counters = Record<string, number>;

/** Text of /proc/diskstats, by disk. Disks that never did anything are left out. */
export function parseDiskstats(text: string): Record<string, Counters> {
  const rows = text.split("\n").map((line) => line.trim().split(/\s+/).slice(2));
  const names = new Set(rows.map(([name = ""]) => name));
  const disks: Record<string, Counters> = {};
  for (const [name = "", ...fields] of rows) {
    const [reads = 0, , sectors_read = 0, read_ms = 0] = fields.map(Number);
    const [writes = 0, , sectors_written = 0, write_ms = 0, , busy_ms = 0] = fields.slice(4)
      .map(Number);
    if (NOT_PHYSICAL.test(name) || isPartition(name, names) || reads + writes === 0) continue;
    disks[name] = {
      read_bytes_total: sectors_read * SECTOR_BYTES,
      written_bytes_total: sectors_written * SECTOR_BYTES,
      reads_total: reads,
      writes_total: writes,
      read_seconds_total: read_ms / 1000,
      write_seconds_total: write_ms / 1000,
      busy_seconds_total: busy_ms / 1000,
    };
  }
  return disks;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/**
 * How hard it was between two readings `seconds` apart. Nothing read is no time for a read, not a
 * time of 0; a counter that fell is another disk of that name.
 */
export function diskEffort(before: Counters, after: Counters, seconds: number): Counters {
  const grown = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
  const [reads, writes] = [grown("reads_total"), grown("writes_total")];
  const [read_s, write_s] = [grown("read_seconds_total"), grown("write_seconds_total")];
  const busy_s = grown("busy_seconds_total");
  if (!(seconds > 0) || Math.min(reads, writes, read_s, write_s, busy_s) < 0) return {};
  return {
    busy_percent: Math.min(100, rounded(100 * busy_s / seconds)),
    queue: rounded((read_s + write_s) / seconds),
    ...(reads > 0 ? { read_ms: rounded(1000 * read_s / reads) } : {}),
    ...(writes > 0 ? { write_ms: rounded(1000 * write_s / writes) } : {}),
  };
}

let previous: { at_ms: number; disks: Record<string, Counters> } | undefined;

export async function collect(host: Host): Promise<Collected> {
  const disks = parseDiskstats(await host.read("/proc/diskstats"));
  const before = previous;
  previous = { at_ms: performance.now(), disks };
  if (before === undefined) return disks;
  const seconds = (previous.at_ms - before.at_ms) / 1000;
  return Object.fromEntries(
    Object.entries(disks).map(([name, counters]) => {
      const old = before.disks[name];
      return [name, old ? { ...counters, ...diskEffort(old, counters, seconds) } : counters];
    }),
  );
}
