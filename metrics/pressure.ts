/**
 * How much work waits for processors, memory or disks (Linux's pressure stall information): the best
 * single sign that a machine is too small. `some` is the share of time in which at least one task
 * waited, `full` that in which all of them did, so that nothing was done.
 */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "How much work waits for processors, memory or disks",
  unit: "%",
  kind: "gauge",
  platforms: ["linux"],
  needs: ["/proc/pressure/cpu"],
  metrics: {
    some: { description: "Time some tasks waited for it, average of 10 seconds" },
    full: { description: "Time all tasks waited for it, average of 10 seconds" },
    some_seconds_total: {
      unit: "s",
      kind: "counter",
      description: "Time some tasks waited for it",
    },
    full_seconds_total: {
      unit: "s",
      kind: "counter",
      description: "Time all tasks waited for it",
    },
  },
};

const RESOURCES = ["cpu", "memory", "io"];

/** Text of /proc/pressure/*: `some avg10=6.04 avg60=7.70 avg300=4.51 total=27556162`. */
export function parsePressure(text: string): CollectedTree {
  const values: CollectedTree = {};
  for (
    const [, name = "", average, total] of text.matchAll(
      /^(some|full) avg10=([\d.]+) .*total=(\d+)$/gm,
    )
  ) {
    values[name] = Number(average);
    values[`${name}_seconds_total`] = Math.round(Number(total) / 1e3) / 1e3;
  }
  return values;
}

/** Reading says that it is not supported where it was built in and is switched off (psi=0). */
const SWITCHED_OFF = /\(os error 95\)/;

export async function collect(host: Host): Promise<Collected> {
  try {
    return await readAll(host);
  } catch (error) {
    if (error instanceof Error && SWITCHED_OFF.test(error.message)) return {};
    throw error;
  }
}

async function readAll(host: Host): Promise<CollectedTree> {
  const found = await Promise.all(RESOURCES.map(async (resource) => {
    const values = parsePressure(await host.read(`/proc/pressure/${resource}`));
    // the kernel writes that line for form's sake: a processor always does something
    if (resource === "cpu") {
      delete values.full;
      delete values.full_seconds_total;
    }
    return [resource, values] as const;
  }));
  return Object.fromEntries(found);
}
