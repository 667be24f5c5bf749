/** In which order tables are copied, and what has to be done again. Pure. */
import type { Reference } from "./catalog.ts";

/**
 * Labels in an order in which every table comes after those it refers to, otherwise as given. Throws
 * Error when tables refer to each other in a ring: no order can be right.
 */
export function copyOrder(labels: readonly string[], references: readonly Reference[]): string[] {
  const known = new Set(labels);
  const needs = Map.groupBy(
    references.filter(({ from, to }) => from !== to && known.has(from) && known.has(to)),
    ({ from }) => from,
  );
  const ordered: string[] = [];
  const done = new Set<string>();
  const visit = (label: string, path: readonly string[]) => {
    if (done.has(label)) return;
    if (path.includes(label)) {
      throw new Error(`BUG: tables refer to each other: ${[...path, label].join(" → ")}`);
    }
    for (const { to } of needs.get(label) ?? []) visit(to, [...path, label]);
    done.add(label);
    ordered.push(label);
  };
  for (const label of labels) visit(label, []);
  return ordered;
}

/** References of partitioned tables as those of each of their partitions. */
export function referencesOf(
  relations: readonly { label: string; parent: string | undefined }[],
  references: readonly Reference[],
): Reference[] {
  const labels = (table: string) =>
    relations.filter(({ label, parent }) => label === table || parent === table)
      .map(({ label }) => label);
  const all = references.flatMap(({ from, to }) =>
    labels(from).flatMap((one) => labels(to).map((other) => ({ from: one, to: other })))
  );
  return [...new Map(all.map((one) => [`${one.from} ${one.to}`, one])).values()];
}

/**
 * What has to be emptied before `again` can be copied again: these, and every table that refers to
 * one of them, by way of others too; those first whose rows refer to rows of the next.
 */
export function emptyOrder(
  again: readonly string[],
  labels: readonly string[],
  references: readonly Reference[],
): string[] {
  const chosen = new Set(again);
  for (let grown = true; grown;) {
    const added = references.filter(({ from, to }) => chosen.has(to) && !chosen.has(from));
    for (const { from } of added) chosen.add(from);
    grown = added.length > 0;
  }
  return copyOrder(labels, references).filter((label) => chosen.has(label)).reverse();
}
