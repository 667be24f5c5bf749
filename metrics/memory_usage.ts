/**
 * Memory and swap in bytes. `memory_usage` is the percentage in use: what is neither free nor can be
 * freed at once, which is how `free` counts.
 */
import type { Collected, Host, Memory, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Memory in use, and what for",
  unit: "B",
  kind: "gauge",
  metrics: {
    "": { unit: "%", description: "Memory in use" },
    total: { description: "Memory of the machine" },
    used: { description: "Memory in use: total less available" },
    available: { description: "Memory that programs can still get without swapping" },
    free: { description: "Memory used for nothing, not even caches" },
    buffers: { description: "Memory that buffers raw disk blocks" },
    cached: { description: "Memory that keeps file contents, and can mostly be freed" },
    shared: { description: "Memory of tmpfs and shared segments" },
    slab: { description: "Memory of the kernel's own structures" },
    dirty: { description: "Memory waiting to be written to disk" },
    swap_total: { description: "Size of the swap" },
    swap_used: { description: "Swap in use" },
    swap_used_percent: { unit: "%", description: "Swap in use" },
  },
};

/** Text of /proc/meminfo, in bytes by the names it has there. */
export function parseMeminfo(text: string): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const [, name = "", value, unit] of text.matchAll(/^([^:\n]+):\s+(\d+)(?: (kB))?$/gm)) {
    bytes.set(name, Number(value) * (unit === undefined ? 1 : 1024));
  }
  return bytes;
}

function percent(part: number, whole: number): number {
  return Math.round(10_000 * part / whole) / 100;
}

/** What both sources have; machines without swap have no percentage of it. */
export function memory(info: Omit<Memory, "buffers" | "cached">): Record<string, number> {
  const { total, available, free, swap_total } = info;
  const used = Math.max(0, total - available);
  const swap_used = swap_total - info.swap_free;
  return {
    "": percent(used, total),
    total,
    used,
    available,
    free,
    swap_total,
    swap_used,
    ...(swap_total > 0 ? { swap_used_percent: percent(swap_used, swap_total) } : {}),
  };
}

/** Series from /proc/meminfo. `cached` counts what `free` calls cache: pages and reclaimable slab. */
export function linuxMemory(text: string): Record<string, number> {
  const bytes = parseMeminfo(text);
  const of = (name: string) => bytes.get(name) ?? 0;
  return {
    ...memory({
      total: of("MemTotal"),
      // Kernels before 3.14 do not estimate it.
      available: bytes.get("MemAvailable") ?? of("MemFree") + of("Buffers") + of("Cached"),
      free: of("MemFree"),
      swap_total: of("SwapTotal"),
      swap_free: of("SwapFree"),
    }),
    buffers: of("Buffers"),
    cached: of("Cached") + of("SReclaimable"),
    shared: of("Shmem"),
    slab: of("Slab"),
    dirty: of("Dirty"),
  };
}

export async function collect(host: Host): Promise<Collected> {
  if (host.platform === "linux") return linuxMemory(await host.read("/proc/meminfo"));
  return memory(await host.memory());
}
