/** What moves between memory and disk because memory is short, and what was killed for it. */
import type { Collected, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "What moves between memory and disk for want of memory",
  kind: "counter",
  platforms: ["linux"],
  metrics: {
    swapped_in_bytes_total: { unit: "B", description: "Memory read back from swap" },
    swapped_out_bytes_total: { unit: "B", description: "Memory written to swap" },
    major_faults_total: { description: "Times a program waited for its memory to be read" },
    oom_kills_total: { description: "Programs killed because memory ran out" },
  },
};

/** Where the agent does not tell: a recording of one that did not yet. */
const USUAL_PAGE_BYTES = 4096;

/** Text of /proc/vmstat, which counts swap in pages. Kernels before 4.13 do not count kills. */
export function parseVmstat(text: string, page_bytes: number): Record<string, number> {
  const of = (name: string) => {
    const [, digits] = new RegExp(`^${name} (\\d+)$`, "m").exec(text) ?? [];
    return digits === undefined ? undefined : Number(digits);
  };
  const kills = of("oom_kill");
  return {
    swapped_in_bytes_total: (of("pswpin") ?? 0) * page_bytes,
    swapped_out_bytes_total: (of("pswpout") ?? 0) * page_bytes,
    major_faults_total: of("pgmajfault") ?? 0,
    ...(kills === undefined ? {} : { oom_kills_total: kills }),
  };
}

export async function collect(host: Host): Promise<Collected> {
  const { page_bytes = USUAL_PAGE_BYTES } = await host.memory();
  return parseVmstat(await host.read("/proc/vmstat"), page_bytes);
}
