/**
 * How full each real filesystem is: `disk.root.used_percent` for `/`, `disk.var/log.used_percent` for
 * `/var/log`, `disk./root.used_percent` for `/root`. Counted like `df`: what is reserved for root is neither used nor available.
 */
import type { Collected, CollectedTree, Disk, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "How full the filesystems are",
  kind: "gauge",
  unit: "B",
  metrics: {
    total: { description: "Size of the filesystem" },
    used: { description: "Space in use" },
    available: { description: "Space left for ordinary users" },
    used_percent: { unit: "%", description: "Space in use, of what ordinary users can use" },
    inodes_used_percent: { unit: "%", description: "Files that exist, of all that can exist" },
  },
};

/** "/" is "root", "/var/log" is "var/log", "C:\" is "C"; "/root" keeps its slash, to be another. */
export function diskName(mount: string): string {
  const name = mount.replace(/^([A-Za-z]):[/\\]*$/, "$1").replace(/^\/+|\/+$/g, "");
  if (name === "") return "root";
  return name === "root" ? "/root" : name;
}

/** In hundredths, rounded up: so that `df`, which rounds up to whole percent, always agrees. */
function percentUp(part: number, whole: number): number {
  return whole > 0 ? Math.ceil(10_000 * part / whole) / 100 : 0;
}

export function diskUsage(disk: Disk): CollectedTree {
  const used = disk.total_bytes - disk.free_bytes;
  return {
    total: disk.total_bytes,
    used,
    available: disk.available_bytes,
    used_percent: percentUp(used, used + disk.available_bytes),
    // Some filesystems (btrfs) make inodes as they need them and have no number of them.
    ...(disk.inodes_total > 0
      ? {
        inodes_used_percent: percentUp(disk.inodes_total - disk.inodes_free, disk.inodes_total),
      }
      : {}),
  };
}

export async function collect(host: Host): Promise<Collected> {
  const disks = await host.disks();
  return Object.fromEntries(disks.map((disk) => [diskName(disk.mount), diskUsage(disk)]));
}
