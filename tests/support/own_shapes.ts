/** Hosts each of which reports a metric that no other has: a shape for each. */
import { setImmediate } from "node:timers/promises";
import type { Sql } from "../../db/connect.ts";
import { ensureHosts } from "../../db/hosts.ts";
import { ensureMetrics } from "../../db/metrics.ts";
import { ensureShapes, shapeDigest } from "../../db/shapes.ts";

export interface OwnShape {
  /** Also the name of its metric. */
  hostname: string;
  host_id: number;
  shape_id: number;
}

/** As many hosts as wanted, in the database; nothing has been reported of them yet. */
export async function ownShapes(sql: Sql, count: number, now_ms: number): Promise<OwnShape[]> {
  // of those that the overview shows
  const names = Array.from({ length: count }, (_, i) => `disk.${i}.used_percent`);
  const host_ids = await ensureHosts(sql, names, now_ms);
  const metric_ids = await ensureMetrics(sql, names);
  const shapes = names.map((name) => {
    return [shapeDigest([name]), {
      names: [name],
      metric_ids: [metric_ids.get(name) ?? 0],
    }] as const;
  });
  const shape_ids = await ensureShapes(sql, new Map(shapes));
  return names.map((hostname) => ({
    hostname,
    host_id: host_ids.get(hostname) ?? 0,
    shape_id: shape_ids.get(shapeDigest([hostname])) ?? 0,
  }));
}

/**
 * Has each seen, one in each turn of the event loop while `work` is under way again and again: so also
 * in each of the moments in which it waits for the database.
 */
export async function seenMeanwhile(
  shapes: readonly OwnShape[],
  { see, work }: { see: (shape: OwnShape) => void; work: () => Promise<unknown> },
): Promise<void> {
  // the first time is slow, as connections are made then, and would see them all
  await work();
  let seen = 0;
  const seeOne = () => shapes.slice(seen, ++seen).forEach(see);
  while (seen < shapes.length) {
    seeOne();
    let open = true;
    const working = work().finally(() => open = false);
    for (; open; await setImmediate()) seeOne();
    await working;
  }
}
