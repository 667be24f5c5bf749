/** What each physical disk has read and written since the machine started. */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
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

/** Text of /proc/diskstats, by disk. Disks that never did anything are left out. */
export function parseDiskstats(text: string): CollectedTree {
  const rows = text.split("\n").map((line) => line.trim().split(/\s+/).slice(2));
  const names = new Set(rows.map(([name = ""]) => name));
  const disks: CollectedTree = {};
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

export async function collect(host: Host): Promise<Collected> {
  return parseDiskstats(await host.read("/proc/diskstats"));
}
