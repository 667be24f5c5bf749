/**
 * What the sender needs of the place where reports wait until the server has answered for them. The
 * one there is is spool.ts.
 */
import type { Outcome, SpoolCounts } from "./spool/state.ts";

/** One report as it will be sent, `hostname` first, without the facts that the sender adds. */
export interface OutboxEntry {
  at_ms: number;
  text: string;
  samples: number;
}

/** Reports for one request, oldest first. */
export interface OutboxBatch {
  entries: readonly (OutboxEntry & { seq: number })[];
  /** Reports that wait besides these. */
  rest: number;
}

export interface PeekOptions {
  reports_max: number;
  bytes_max: number;
  /** Only reports that were put in after the one of this number. */
  after?: number;
}

/** How full it is, and what has become of all reports so far. */
export interface OutboxStatus extends SpoolCounts {
  /** In use on disk, and in memory by what could not be written. */
  bytes: number;
  /** The time of the oldest report that waits. */
  oldest_at_ms: number | undefined;
  /** The number of the newest report. */
  newest_seq: number;
  /** What waits outlives the program. */
  on_disk: boolean;
}

export interface Outbox {
  append(entry: OutboxEntry): Promise<void>;
  /**
   * The oldest reports within the limits, at least one if there is any. They are held until they are
   * settled or released, or others are asked for.
   */
  peek(options: PeekOptions): Promise<OutboxBatch | undefined>;
  /** The server has answered for all of them, also by refusing: they are not sent again. */
  settle(batch: OutboxBatch, outcome: Outcome): Promise<void>;
  /** They were not sent: hold them no longer. */
  release(batch: OutboxBatch): void;
  status(): OutboxStatus;
}
