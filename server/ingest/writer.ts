/**
 * Writes batches: COPY, COMMIT, then the answer.
 *
 * The ordinary case is one COPY, which stores all rows or none. When a row is there already (a
 * sender that did not hear our answer sends again), PostgreSQL refuses the COPY; then the rows that
 * exist are asked for, taken out, and the rest is copied again. Between asking and copying another
 * writer may store one of them, so this is repeated; every round has found at least one more row
 * stored, so it ends.
 */
import { isRetryable, isUniqueViolation } from "../../db/sqlstate.ts";
import { copyReports, existingReports, insertAnnotations } from "../../db/reports.ts";
import type { Logger } from "../../log.ts";
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import { DeadlineError, withinDeadline } from "../../db/deadline.ts";
import type { RenewedPool } from "../../db/renewed_pool.ts";
import type { Batch, Duplicates, IngestQueue } from "./queue.ts";
import type { RowBuffer } from "./rows.ts";
import { PastSlots } from "./slots.ts";

export interface WriterOptions {
  /** For everything but the COPYs. */
  pool: RenewedPool;
  /**
   * Makes a pool of one connection, for one writer. The driver sends statements of others down a busy
   * connection, which in the middle of a COPY would break both.
   */
  connect: () => Sql;
  /** Default: ANSWER_MS_MAX. */
  answer_ms_max?: number;
  queue: IngestQueue;
  log: Logger;
  clock: Pick<Clock, "now" | "monotonic">;
  /** Called when a batch is settled, with what it took. */
  onBatch?: (batch: { rows: number; took_ms: number; stored: boolean }) => void;
  /** Called with the rows after their commit, before anybody is told. */
  onCommitted?: (rows: RowBuffer) => void;
}

/** Two commits overlap: while one waits for the disk, the other is being sent. More gain nothing. */
const WRITERS = 2;
/**
 * A batch is written in milliseconds, and in seconds on a disk that is busy. With no answer by then
 * the connection is given up, as when it is lost: the senders come again, and reports have keys.
 */
const ANSWER_MS_MAX = 30_000;

/** Rounds of taking out duplicates before giving up; two senders of the same rows need two. */
const ROUNDS_MAX = 20;

export interface Writer {
  /** Resolves when the queue is stopped and everything in it is settled. */
  finished: Promise<void>;
}

/** Starts writing what comes into the queue, until the queue is stopped and empty. */
export function startWriter(options: WriterOptions): Writer {
  const slots = new PastSlots(options.pool);
  const loops = Array.from({ length: WRITERS }, () => writeLoop(options, slots));
  return { finished: Promise.all(loops).then(() => {}) };
}

async function writeLoop(options: WriterOptions, slots: PastSlots): Promise<void> {
  const { queue, log, clock, onBatch, answer_ms_max: ms = ANSWER_MS_MAX } = options;
  let own = options.connect();
  let last_failure = "";
  for (;;) {
    const batch = await queue.take();
    if (batch === undefined) return await own.end({ timeout: 0 });
    const begun_ms = clock.monotonic();
    let stored = false;
    let isRead = false;
    try {
      await slots.ensure(batch.rows, clock.now());
      const duplicates = await withinDeadline(commit(own, batch), { ms });
      stored = true;
      options.onCommitted?.(batch.rows);
      batch.resolve(duplicates);
      last_failure = "";
    } catch (error) {
      batch.reject(error);
      if (error instanceof DeadlineError) {
        // what is still on its way may arrive after all
        isRead = true;
        own.end({ timeout: 0 }).catch(() => {});
        own = options.connect();
      }
      // the same trouble again is not news
      const text = String(error);
      if (text !== last_failure) {
        log.error("reports not stored, their senders were told to come again", {
          error: text,
          rows: batch.rows.rows,
          retryable: isRetryable(error),
        });
      }
      last_failure = text;
    }
    onBatch?.({ rows: batch.rows.rows, took_ms: clock.monotonic() - begun_ms, stored });
    queue.done(batch, { isRead });
  }
}

/**
 * Stores a batch.
 *
 * @returns which rows were there before
 * @throws when nothing of it is stored (or nothing is known about it: the connection broke)
 */
async function commit(sql: Sql, batch: Batch): Promise<Duplicates> {
  if (batch.annotations.length > 0) await insertAnnotations(sql, batch.annotations);
  if (batch.rows.rows === 0) return undefined;
  try {
    await copyReports(sql, [batch.rows.copyData()]);
    return undefined;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return await commitWithoutDuplicates(sql, batch.rows);
  }
}

async function commitWithoutDuplicates(sql: Sql, rows: RowBuffer): Promise<Duplicates> {
  const keys = rows.keys();
  const key = (at: number) => {
    const { host_id, shape_id, at_ms } = keys[at] ?? { host_id: 0, shape_id: 0, at_ms: 0 };
    return `${host_id} ${shape_id} ${at_ms}`;
  };
  const duplicates = new Set<number>();
  const seen = new Set<string>();
  for (let i = 0; i < keys.length; i++) {
    if (seen.has(key(i))) duplicates.add(i);
    seen.add(key(i));
  }
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const stored = new Set(
      (await existingReports(sql, keys)).map((row) =>
        `${row.host_id} ${row.shape_id} ${row.at_ms}`
      ),
    );
    for (let i = 0; i < keys.length; i++) if (stored.has(key(i))) duplicates.add(i);
    if (duplicates.size === keys.length) return duplicates;
    try {
      await copyReports(sql, [rows.without(duplicates).copyData()]);
      return duplicates;
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
    }
  }
  throw new Error(
    `Cannot store reports: others stored the same ones ${ROUNDS_MAX} times meanwhile`,
  );
}
