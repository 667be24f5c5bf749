/**
 * Series that hosts have not had before: made in the database, as many as a host may have. What is
 * beyond is refused by name, so that a program which puts an id into a metric's name fills neither the
 * tables of names nor the memory of everybody who lists them; the host's other series go on.
 *
 * It is counted where it is written, under a lock of the host: so the limit holds for any number of
 * servers, and a restart forgets nothing.
 */
import type { AnySql, Sql } from "../../db/connect.ts";
import { ensureMetrics } from "../../db/metrics.ts";
import { countSeries, lockHosts, selectSeriesNames } from "../../db/series_limit.ts";
import { ensureHostShapes, ensureShapes, shapeDigest, type ShapeInput } from "../../db/shapes.ts";
import { transaction } from "../../db/transaction.ts";
import type { Report } from "../../report.ts";

/** A host, and metrics it has not reported together before; sorted (`shapeNames`). */
export interface NewPair {
  host_id: number;
  names: readonly string[];
}

export interface MadeSeries {
  /** For each pair the names that may be stored: all, or those the host has and what fits beside. */
  allowed: (readonly string[])[];
  metric_ids: Map<string, number>;
  /** By digest. */
  shape_ids: Map<string, number>;
  /** Hosts that have as many series as they may have, and which. */
  full: Map<number, ReadonlySet<string>>;
}

/** The names that are known, and of the others the first that fit beside all that are known. */
export function fitting(
  names: readonly string[],
  known: ReadonlySet<string>,
  series_max: number,
): string[] {
  let room = series_max - known.size;
  return names.filter((name) => known.has(name) || room-- > 0);
}

/** Makes what is missing. */
export async function makeSeries(
  sql: Sql,
  pairs: readonly NewPair[],
  { series_max }: { series_max: number },
): Promise<MadeSeries> {
  return await transaction(sql, async (tx) => {
    await lockHosts(tx, [...new Set(pairs.map((pair) => pair.host_id))]);
    const { allowed, full } = await fitAll(tx, pairs, series_max);
    const names = new Set(allowed.flat());
    const metric_ids = names.size === 0 ? new Map() : await ensureMetrics(tx, [...names]);
    const shapes = new Map<string, ShapeInput>();
    for (const own of allowed) {
      if (own.length === 0) continue;
      const ids = own.map((name) => metric_ids.get(name) ?? 0);
      shapes.set(shapeDigest(own), { names: own, metric_ids: ids });
    }
    const shape_ids = shapes.size === 0 ? new Map() : await ensureShapes(tx, shapes);
    const used = pairs.flatMap(({ host_id }, i) => {
      const shape_id = shape_ids.get(shapeDigest(allowed[i] ?? []));
      return shape_id === undefined ? [] : [{ host_id, shape_id }];
    });
    if (used.length > 0) await ensureHostShapes(tx, used);
    return { allowed, metric_ids, shape_ids, full };
  });
}

async function fitAll(
  sql: AnySql,
  pairs: readonly NewPair[],
  series_max: number,
): Promise<Pick<MadeSeries, "allowed" | "full">> {
  const allowed: (readonly string[])[] = [];
  const full = new Map<number, ReadonlySet<string>>();
  // at most so many: names that are counted twice are looked at when it matters
  const at_most = await countSeries(sql, [...new Set(pairs.map((pair) => pair.host_id))]);
  const known = new Map<number, Set<string>>();
  for (const { host_id, names } of pairs) {
    const together = (at_most.get(host_id) ?? 0) + names.length;
    if (together <= series_max && !known.has(host_id)) {
      at_most.set(host_id, together);
      allowed.push(names);
      continue;
    }
    const before = pairs.slice(0, allowed.length)
      .flatMap((pair, i) => pair.host_id === host_id ? allowed[i] ?? [] : []);
    const own = known.get(host_id) ??
      (await selectSeriesNames(sql, host_id)).union(new Set(before));
    known.set(host_id, own);
    const fit = fitting(names, own, series_max);
    for (const name of fit) own.add(name);
    allowed.push(fit);
    if (own.size >= series_max) full.set(host_id, own);
  }
  return { allowed, full };
}

/** A report without what may not be stored. */
export interface Fitted {
  report: Report;
  left_out: readonly string[];
}

/** The report with these series only; what was said with the others is left out with them. */
export function fitReport(report: Report, series: ReadonlySet<string>): Fitted {
  const left_out = new Set(report.names.filter((name) => !series.has(name)));
  if (left_out.size === 0) return { report, left_out: [] };
  const isKept = (_: unknown, i: number) => !left_out.has(report.names[i] ?? "");
  return {
    report: {
      ...report,
      names: report.names.filter(isKept),
      values: report.values.filter(isKept),
      annotations: report.annotations.filter(({ name }) => !left_out.has(name)),
    },
    left_out: [...left_out],
  };
}
