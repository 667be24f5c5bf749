/**
 * Partitions for the past. A few late reports go through `report_late`; a back-fill of days would make
 * it large, and its rows have to be removed one by one. So when a batch has many reports of one past
 * time, the partition of that time is made first, and dropped as a whole when it is aggregated.
 */
import { ensureSlot, HOT_MS } from "../../db/partitions.ts";
import type { RenewedPool } from "../../db/renewed_pool.ts";
import type { RowBuffer } from "./rows.ts";

/** Fewer rows of one slot in a batch are late reports, not a back-fill. */
const SLOT_ROWS_MIN = 50;
/** Slots remembered as asked for; then all are asked for again. */
const KNOWN_SLOTS_MAX = 10_000;

/** The slots (begins in ms) before `now_ms` that a batch fills. */
export function pastSlots(rows: RowBuffer, now_ms: number): number[] {
  const present_ms = Math.floor(now_ms / HOT_MS) * HOT_MS;
  // the ordinary batch: one comparison
  if (rows.at_ms_min >= present_ms || rows.rows < SLOT_ROWS_MIN) return [];
  const counts = new Map<number, number>();
  for (const { at_ms } of rows.keys()) {
    const slot_ms = Math.floor(at_ms / HOT_MS) * HOT_MS;
    if (slot_ms < present_ms) counts.set(slot_ms, (counts.get(slot_ms) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count >= SLOT_ROWS_MIN).map(([slot_ms]) => slot_ms);
}

export class PastSlots {
  readonly #pool: RenewedPool;
  /** Slots asked for, and the answer: a second writer waits for the same one. */
  readonly #known = new Map<number, Promise<boolean>>();

  constructor(pool: RenewedPool) {
    this.#pool = pool;
  }

  /** Makes the partitions that a batch is worth. Where none can be made, its rows are late ones. */
  async ensure(rows: RowBuffer, now_ms: number): Promise<void> {
    for (const slot_ms of pastSlots(rows, now_ms)) {
      if (this.#known.size >= KNOWN_SLOTS_MAX) this.#known.clear();
      const known = this.#known.get(slot_ms) ??
        this.#pool.ask((sql) => ensureSlot(sql, slot_ms));
      this.#known.set(slot_ms, known);
      try {
        await known;
      } catch (error) {
        // another writer may have asked anew by now
        if (this.#known.get(slot_ms) === known) this.#known.delete(slot_ms);
        throw error;
      }
    }
  }
}
