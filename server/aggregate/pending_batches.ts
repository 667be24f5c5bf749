/** Pending work in batches that fit into memory and into one transaction. */
import type { RollupKind } from "../../db/codec/rollup.ts";
import { type PendingGroup, type PendingTable, selectPending } from "../../db/pending.ts";
import type { Work } from "./work.ts";

/** Groups asked for at once. */
const PAGE_GROUPS = 500;
/** Columns (metrics times blocks) in one batch: some 4 MB as blocks, decoded one block at a time. */
const BATCH_COLUMNS_MAX = 20_000;

/** Pending work that begins from `start_ms` to before `before_ms`. */
export interface PendingSpan {
  start_ms: number;
  before_ms: number;
}

export interface PendingBatch {
  groups: PendingGroup[];
  /** Of every shape in `groups`. */
  kinds: ReadonlyMap<number, readonly RollupKind[]>;
}

/**
 * The pending work of a span, each group once, whether or not it is done by then: what fails is not
 * tried again in the same run.
 */
export async function* pendingBatches(
  work: Work,
  table: PendingTable,
  span: PendingSpan,
): AsyncGenerator<PendingBatch> {
  let after = { host_id: 0, shape_id: 0 };
  for (;;) {
    const page = await selectPending(work.sql, table, {
      from_ms: span.start_ms,
      before_ms: span.before_ms,
      host_id: work.host_id,
      after,
      limit: PAGE_GROUPS,
    });
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
    const kinds = await work.shapes.of(page.map((group) => group.shape_id));
    let groups: PendingGroup[] = [];
    let columns = 0;
    for (const group of page) {
      groups.push(group);
      columns += group.starts_ms.length * (kinds.get(group.shape_id)?.length ?? 0);
      if (columns < BATCH_COLUMNS_MAX) continue;
      yield { groups, kinds };
      work.signal?.throwIfAborted();
      groups = [];
      columns = 0;
    }
    if (groups.length > 0) yield { groups, kinds };
    work.signal?.throwIfAborted();
  }
}
