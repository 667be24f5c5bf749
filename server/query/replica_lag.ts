/**
 * Whether a replica may answer. Pure: what was seen, and when, are arguments.
 *
 * The primary is asked again and again how far its log is. A replica that has replayed one of these
 * positions shows everything that was committed before the primary was asked: it is behind by no more
 * than the time since then. So a primary that has nothing to do does not look like a replica that is
 * late, as it does by `pg_last_xact_replay_timestamp()`; and a replica that is not heard any more is
 * further and further behind.
 */

/** Positions that are not replayed yet: an hour of them, and the oldest are forgotten. */
const POSITIONS_MAX = 3_600;

/** The replica was asked first, then the primary. Times are of a clock that never goes back. */
export interface Look {
  /** When the primary was asked. */
  at_ms: number;
  /** How far the primary's log was. */
  written: number;
  /** How far the replica was; undefined when it replays nothing, being none. */
  replayed: number | undefined;
  /** Whether the two are of one PostgreSQL. */
  is_same: boolean;
}

/** What is to be told, once: it is asked from now on, or no more and why. */
export type Turn = { in_use: true } | { in_use: false; reason: string };

export class ReplicaLag {
  readonly #lag_ms_max: number;
  readonly #started_ms: number;
  /** Of the primary, not replayed yet; ascending in both. */
  #positions: { at_ms: number; written: number }[] = [];
  /** The newest that is replayed. */
  #replayed: { at_ms: number; written: number } | undefined;
  #fault: string | undefined;
  #in_use = false;
  #told: boolean | undefined;

  constructor(options: { lag_ms_max: number; now_ms: number }) {
    this.#lag_ms_max = options.lag_ms_max;
    this.#started_ms = options.now_ms;
  }

  /** It shows at least what was committed so long ago; undefined when that is not known. */
  lagMs(now_ms: number): number | undefined {
    return this.#replayed === undefined ? undefined : now_ms - this.#replayed.at_ms;
  }

  /** Whether questions go to it. */
  isInUse(now_ms: number): boolean {
    return this.#in_use && (this.lagMs(now_ms) ?? Infinity) < this.#lag_ms_max;
  }

  /** Both have answered. */
  looked(look: Look): void {
    this.#fault = faultOf(look);
    if (this.#fault !== undefined) {
      this.#replayed = undefined;
      this.#positions = [];
      return;
    }
    const replayed = look.replayed ?? 0;
    // it was put back to an older state
    if (this.#replayed !== undefined && replayed < this.#replayed.written) {
      this.#replayed = undefined;
    }
    this.#positions.push({ at_ms: look.at_ms, written: look.written });
    const next = this.#positions.findIndex(({ written }) => written > replayed);
    const count = next < 0 ? this.#positions.length : next;
    if (count > 0) {
      this.#replayed = this.#positions[count - 1];
      this.#positions.splice(0, count);
    }
    if (this.#positions.length > POSITIONS_MAX) this.#positions.shift();
  }

  /** It has not answered, or not well. */
  failed(reason: string): void {
    this.#fault = reason;
  }

  /**
   * Decides; to be called after each look. One that was late is asked again when it is twice as near
   * as it must be: at the border it would be asked and not asked every second.
   */
  turn(now_ms: number): Turn | undefined {
    const lag_ms = this.lagMs(now_ms);
    const limit_ms = this.#in_use ? this.#lag_ms_max : this.#lag_ms_max / 2;
    this.#in_use = this.#fault === undefined && lag_ms !== undefined && lag_ms < limit_ms;
    if (this.#in_use === this.#told) return undefined;
    if (this.#in_use) {
      this.#told = true;
      return { in_use: true };
    }
    // at first it is only not known yet
    const isEarly = now_ms - this.#started_ms < this.#lag_ms_max;
    if (this.#fault === undefined && lag_ms === undefined && isEarly) return undefined;
    this.#told = false;
    return { in_use: false, reason: this.#fault ?? lateness(lag_ms) };
  }
}

function lateness(lag_ms: number | undefined): string {
  return lag_ms === undefined
    ? "it has not caught up yet"
    : `it is ${Math.floor(lag_ms / 1000)} s behind`;
}

function faultOf({ written, replayed, is_same }: Look): string | undefined {
  if (!is_same) return "it is of another PostgreSQL than database.url";
  if (replayed === undefined) return "it is no replica: it does not follow another PostgreSQL";
  // the primary was asked later: it can only be further
  if (replayed > written) return "it has what the primary has not: they have parted";
  return undefined;
}

/** What a question wants to see. */
export interface Asked {
  /** Milliseconds since 1970. */
  before_ms: number;
  /** How long one of its values stands for; 0 for samples. */
  step_ms: number;
}

/**
 * Whether the answer may be some seconds old: it ends before what a replica may not have yet, or its
 * steps are so long that nobody sees it.
 */
export function mayLag(
  { before_ms, step_ms }: Asked,
  { now_ms, lag_ms_max }: { now_ms: number; lag_ms_max: number },
): boolean {
  return before_ms <= now_ms - lag_ms_max || step_ms >= lag_ms_max;
}
