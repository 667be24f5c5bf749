/** Whether a metric is rolled up as a gauge or as a counter. */
import type { RollupKind } from "./codec/rollup.ts";
import type { Sql } from "./connect.ts";

export interface KnownMetric {
  name: string;
  /** What its senders said; null when they said nothing. */
  kind: "gauge" | "counter" | "state" | null;
}

/** `a_total{x="y"}` is a, _total, {x="y"}. */
const CONVENTION = /^(.*)(_total|_count|_sum|_bucket)(\{.*\})?$/s;

/**
 * The kinds of a shape's metrics, in order. What a sender said counts. Where nobody said anything, the
 * conventions of Prometheus do: `_total` is a counter, `_bucket` too, and `_sum` and `_count` are
 * when they come together, as those of a histogram or summary always do. A `process_count` alone is
 * a gauge: taken for a counter it would lose its average. States are gauges.
 */
export function rollupKinds(metrics: readonly KnownMetric[]): RollupKind[] {
  const names = new Set(metrics.map((metric) => metric.name));
  return metrics.map(({ name, kind }) => {
    if (kind !== null) return kind === "counter" ? "counter" : "gauge";
    const [, base, ending, labels = ""] = CONVENTION.exec(name) ?? [];
    if (ending === undefined) return "gauge";
    if (ending === "_total" || ending === "_bucket") return "counter";
    const sibling = ending === "_sum" ? "_count" : "_sum";
    return names.has(`${base}${sibling}${labels}`) ? "counter" : "gauge";
  });
}

/** The metrics of the given shapes, in the order of their values. */
export async function selectShapeMetrics(
  sql: Sql,
  shape_ids: readonly number[],
): Promise<Map<number, KnownMetric[]>> {
  const rows = await sql<{ id: number; names: string[]; kinds: KnownMetric["kind"][] }[]>`
    select
      s.id,
      array_agg(m.name order by i.position) as names,
      array_agg(m.kind order by i.position) as kinds
    from shape s
    cross join unnest(s.metric_ids) with ordinality as i (metric_id, position)
    join metric m on m.id = i.metric_id
    where s.id = any(${[...shape_ids]}::integer[])
    group by s.id`;
  return new Map(rows.map(({ id, names, kinds }) => [
    id,
    names.map((name, i) => ({ name, kind: kinds[i] ?? null })),
  ]));
}
