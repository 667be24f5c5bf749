/** What all steps of a run share: where to work, for whom, and what has been done. */
import type { ByShape } from "../../db/by_shape.ts";
import { CodecError } from "../../db/codec/error.ts";
import { ensureBlockPartition } from "../../db/block_partitions.ts";
import type { BlockKey } from "../../db/blocks.ts";
import type { RollupKind } from "../../db/codec/rollup.ts";
import type { Sql } from "../../db/connect.ts";
import { rollupKinds, selectShapeMetrics } from "../../db/metric_kinds.ts";
import { startOf, type Tier, TIERS } from "../../db/tiers.ts";
import type { Logger } from "../../log.ts";
import type { TierDays } from "../retention.ts";

/** What a run has done. Reports are counted each time they are merged into a block. */
export interface Counts {
  reports_merged: number;
  late_reports_merged: number;
  /** Late reports that came when their samples were past retention. */
  late_reports_expired: number;
  raw_blocks_written: number;
  slots_dropped: number;
  /** Slots that are merged and still there, because others used or changed them. */
  slots_kept: number;
  /** Hours of one host and shape that got five-minute values. */
  hours_rolled_up: number;
  /** Days of one host and shape that got hourly and daily values. */
  days_rolled_up: number;
  partitions_dropped: number;
  partitions_kept: number;
  /** Written anew without the metrics that are past retention of their own. */
  partitions_thinned: number;
  bytes_dropped: number;
  /** Blocks that could not be read or made; what they were to be made of stays. The log says more. */
  failures: number;
}

export function noCounts(): Counts {
  return {
    reports_merged: 0,
    late_reports_merged: 0,
    late_reports_expired: 0,
    raw_blocks_written: 0,
    slots_dropped: 0,
    slots_kept: 0,
    hours_rolled_up: 0,
    days_rolled_up: 0,
    partitions_dropped: 0,
    partitions_kept: 0,
    partitions_thinned: 0,
    bytes_dropped: 0,
    failures: 0,
  };
}

export interface Work {
  sql: Sql;
  log: Logger;
  counts: Counts;
  shapes: ShapeKinds;
  partitions: BlockPartitions;
  /** How long shapes are kept; undefined where all metrics are kept alike. */
  shape_days?: ByShape<TierDays>;
  now_ms: number;
  /** Only this host. */
  host_id?: number;
  /** Ends the run between two transactions. */
  signal?: AbortSignal;
  /** Told how far the present step is, in what its step in the plan counts. */
  onDone?: (done: number) => void;
}

/** More shapes than this are not remembered: a run must not grow with them. */
const SHAPES_MAX = 1_000;

/** Kinds of the metrics of shapes, as they were when first asked for in this run. */
export class ShapeKinds {
  readonly #sql: Sql;
  readonly #kinds = new Map<number, RollupKind[]>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** By shape. A shape that does not exist is left out. */
  async of(shape_ids: readonly number[]): Promise<ReadonlyMap<number, readonly RollupKind[]>> {
    const wanted = [...new Set(shape_ids)];
    const known = new Map(wanted.flatMap((id) => {
      const kinds = this.#kinds.get(id);
      return kinds === undefined ? [] : [[id, kinds] as const];
    }));
    const missing = wanted.filter((id) => !known.has(id));
    if (missing.length === 0) return known;
    if (this.#kinds.size > SHAPES_MAX) this.#kinds.clear();
    for (const [id, metrics] of await selectShapeMetrics(this.#sql, missing)) {
      const kinds = rollupKinds(metrics);
      this.#kinds.set(id, kinds);
      known.set(id, kinds);
    }
    return known;
  }
}

/** Makes partitions when they are first needed. */
export class BlockPartitions {
  readonly #sql: Sql;
  readonly #there = new Set<string>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Sees that a block of `tier` that begins at `start_ms` can be written. */
  async ensure(tier: Tier, start_ms: number): Promise<void> {
    const key = `${tier} ${startOf(TIERS[tier].partition, start_ms)}`;
    if (this.#there.has(key)) return;
    await ensureBlockPartition(this.#sql, tier, start_ms);
    this.#there.add(key);
  }
}

/**
 * What `make` returns, or undefined when a block is damaged or its content cannot be a block: that
 * is told in the log, counted, and must not stop the work on all others.
 */
export function attempt<T>(work: Work, key: BlockKey, make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof CodecError || error instanceof RangeError)) throw error;
    work.counts.failures++;
    const { host_id, shape_id, start_ms } = key;
    const start = new Date(start_ms).toISOString();
    work.log.error("block left as it is", { host_id, shape_id, start, error });
    return undefined;
  }
}

/** Whether two blocks are the same, byte for byte. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
