/**
 * Carries out the plan, step by step. All decisions are made in plan.ts and by the rows a step finds;
 * every step is a row of transactions of which each is complete in itself, so that a run can end
 * anywhere (a crash, a lost connection, a stop) and the next one goes on from there.
 */
import type { Clock } from "../../clock.ts";
import { RunLockLostError, tryRunLock } from "../../db/aggregation_lock.ts";
import { ByShape } from "../../db/by_shape.ts";
import { dropPartition, type Partition, selectPartitions } from "../../db/block_partitions.ts";
import type { Sql } from "../../db/connect.ts";
import { countLateRows, deleteExpiredLateRows, dropSlot, selectSlots } from "../../db/hot_rows.ts";
import { countPending } from "../../db/pending.ts";
import { selectPartitionShapes, thinPartition } from "../../db/thin_partition.ts";
import type { Logger } from "../../log.ts";
import { mergeLate, mergeSlots } from "./merge.ts";
import { closedBefore, type HistoryState, planAggregation, type Step } from "./plan.ts";
import type { Removal } from "./retention.ts";
import { type Retention, RetentionClasses, type TierDays } from "../retention.ts";
import { rollDays } from "./roll_days.ts";
import { rollHours } from "./roll_hours.ts";
import { stepText } from "./step_text.ts";
import { BlockPartitions, type Counts, noCounts, ShapeKinds, type Work } from "./work.ts";

/** Connections a run uses at once: the lock, the rows being read, the blocks being written. */
export const RUN_CONNECTIONS = 3;

/** A drop that others were in the way of is tried again this often in a run, after this pause. */
const DROP_ATTEMPTS = 5;
const DROP_PAUSE_MS = 500;

export interface RunOptions {
  /** A pool of at least `RUN_CONNECTIONS` connections. */
  sql: Sql;
  log: Logger;
  /** For pauses only. */
  clock: Pick<Clock, "sleep">;
  /** What time it is, for all decisions of this run. */
  now_ms: number;
  grace_ms: number;
  retention: Retention;
  /** Nothing after this time is touched, nothing is dropped. */
  until_ms?: number;
  /** Only this host is aggregated, nothing is dropped. */
  host_id?: number;
  signal?: AbortSignal;
  onProgress?: (progress: RunProgress) => void;
}

export interface RunProgress {
  step: Step;
  /** Of the present step, from 0. */
  index: number;
  steps: number;
  /** From 0 to 1, over the whole run, as far as it can be foreseen. */
  fraction: number;
  /** Merged in this run so far. */
  reports: number;
}

export type RunOutcome =
  | { state: "done"; steps: number; counts: Counts }
  /** Another server, or `monitor aggregate`, is at it. */
  | { state: "busy" };

/** What there is to do now, without doing it. */
export async function planRun(options: RunOptions): Promise<Step[]> {
  const { sql, host_id } = options;
  const before_ms = closedBefore(options);
  const partitions = await selectPartitions(sql);
  const state: HistoryState = {
    slots: await selectSlots(sql),
    late_hours: await countLateRows(sql, { before_ms, host_id }),
    pending_hours: await countPending(sql, "pending_hour", host_id),
    pending_days: await countPending(sql, "pending_day", host_id),
    partitions,
    ...await shapesWithin(options, partitions),
  };
  const partial = host_id !== undefined || options.until_ms !== undefined;
  return planAggregation(state, { ...options, partial });
}

function shapeDays({ sql, retention }: RunOptions): ByShape<TierDays> | undefined {
  const classes = new RetentionClasses(retention);
  return classes.divided ? new ByShape(sql, (names) => classes.longest(names)) : undefined;
}

/** What is where and how long it is kept, for retention by rules. */
async function shapesWithin(
  options: RunOptions,
  partitions: readonly Partition[],
): Promise<Pick<HistoryState, "shape_days" | "contents">> {
  const days = shapeDays(options);
  if (days === undefined) return {};
  const contents = await selectPartitionShapes(options.sql, partitions);
  await days.learn(() => [...contents.values()].flat());
  return { contents, shape_days: days };
}

/**
 * Aggregates everything that is closed, and applies the retention.
 *
 * @throws what the database says; the reason of `signal` when it is aborted; RunLockLostError. What
 *   was done until then stays, and the next run goes on from there
 */
export async function runAggregation(options: RunOptions): Promise<RunOutcome> {
  await using lock = await tryRunLock(options.sql);
  if (lock === undefined) return { state: "busy" };
  const lost = new AbortController();
  lock.ended.then(() => lost.abort(new RunLockLostError()));
  const signal = AbortSignal.any([lost.signal, ...options.signal ? [options.signal] : []]);
  const { sql, log, host_id, onProgress } = options;
  const steps = await planRun(options);
  const counts = noCounts();
  const shared = {
    ...{ sql, log, counts, host_id, signal, now_ms: options.now_ms },
    shapes: new ShapeKinds(sql),
    partitions: new BlockPartitions(sql),
    shape_days: shapeDays(options),
  };
  const weights = steps.map(weightOf);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  for (const [index, step] of steps.entries()) {
    signal.throwIfAborted();
    log.debug(stepText(step), { step: index + 1, steps: steps.length });
    const weight = weights[index] ?? 1;
    const onDone = (done: number) => {
      const fraction = (before + Math.min(done, weight)) / total;
      const reports = counts.reports_merged + counts.late_reports_merged;
      onProgress?.({ step, index, steps: steps.length, fraction, reports });
    };
    onDone(0);
    await runStep({ ...shared, onDone }, step, options);
    before += weight;
  }
  return { state: "done", steps: steps.length, counts };
}

/** About how much a step is to do, in what it reports as done. */
function weightOf(step: Step): number {
  if ("rows" in step) return Math.max(1, step.rows);
  return "groups" in step ? Math.max(1, step.groups) : 1;
}

async function runStep(work: Work, step: Step, options: Pick<RunOptions, "clock">): Promise<void> {
  const { sql, counts } = work;
  switch (step.kind) {
    case "expire_late":
      counts.late_reports_expired += await deleteExpiredLateRows(sql, step.before_ms);
      break;
    case "merge_slots":
      await runSlots(work, step, options);
      break;
    case "merge_late":
      await mergeLate(work, step);
      break;
    case "roll_hours":
      await rollHours(work, { start_ms: step.day_ms, before_ms: step.before_ms });
      break;
    case "roll_days":
      await rollDays(work, { start_ms: step.month_ms, before_ms: step.before_ms });
      break;
    case "drop_partition":
    case "thin_partition":
      await runRemoval(work, step, options);
      break;
  }
}

async function runRemoval(
  { sql, counts }: Work,
  { kind, partition, shape_ids }: Removal,
  options: Pick<RunOptions, "clock">,
): Promise<void> {
  const dropped = kind === "drop_partition" && await repeatedly(options, async () => {
    const outcome = await dropPartition(sql, partition.name, shape_ids);
    return outcome === "busy" ? false : outcome;
  });
  // what this very run has merged into it is kept for longer: only what was planned goes
  const is_thinned = (kind === "thin_partition" || dropped === "grown") &&
    await repeatedly(options, () => thinPartition(sql, partition, shape_ids ?? []));
  if (dropped === "dropped") {
    counts.partitions_dropped++;
    counts.bytes_dropped += partition.bytes;
  } else if (is_thinned) counts.partitions_thinned++;
  else counts.partitions_kept++;
}

async function runSlots(
  work: Work,
  step: Extract<Step, { kind: "merge_slots" }>,
  options: Pick<RunOptions, "clock">,
): Promise<void> {
  const { starts_ms } = step;
  const { rows_by_slot, failures } = await mergeSlots(work, starts_ms);
  if (!step.drop) return;
  for (const start_ms of starts_ms) {
    const rows = rows_by_slot.get(start_ms) ?? 0;
    // what could not be merged is nowhere else
    const dropped = failures === 0 && await repeatedly(options, async () => {
      const outcome = await dropSlot(work.sql, { start_ms, rows });
      // rows that came meanwhile are merged by the next run
      return outcome === "busy" ? false : outcome;
    });
    if (dropped === "dropped") work.counts.slots_dropped++;
    else work.counts.slots_kept++;
  }
}

/** Until it is something, but not for ever. */
async function repeatedly<T>(
  { clock }: Pick<RunOptions, "clock">,
  run: () => Promise<T | false>,
): Promise<T | false> {
  for (let attempt = 1;; attempt++) {
    const result = await run();
    if (result !== false || attempt === DROP_ATTEMPTS) return result;
    await clock.sleep(DROP_PAUSE_MS);
  }
}
