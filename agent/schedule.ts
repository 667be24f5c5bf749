/**
 * Runs the timetable: sleeps until something is due and says what. All decisions are in plan.ts;
 * this file only keeps the timetable and the set of running scripts.
 *
 * Scripts that are added run at once, stamped with the present, so that a new agent shows values
 * within a second; from then on they are aligned.
 */
import type { Clock } from "../clock.ts";
import { alignedAfter, plan, type Tick, type Timetable } from "./plan.ts";

export interface ScheduleOptions {
  clock: Clock;
  /** Starts the scripts of a tick; each must be reported by `ended()` later. Must not throw. */
  onTick: (tick: Tick) => void;
}

export class Schedule {
  readonly #clock: Clock;
  readonly #onTick: (tick: Tick) => void;
  #timetable: Timetable = new Map();
  #running = new Set<string>();
  #missed = 0;
  /** Aborted to end a sleep early, when the timetable changes or all is over. */
  #changed = new AbortController();

  constructor(options: ScheduleOptions) {
    this.#clock = options.clock;
    this.#onTick = options.onTick;
  }

  /**
   * Replaces the timetable. New scripts and those in `run_now` run at once, unless they are running;
   * the others keep their rhythm.
   */
  set(
    every_ms: ReadonlyMap<string, number>,
    options: { run_now?: ReadonlySet<string> } = {},
  ): void {
    const now_ms = this.#clock.now();
    const timetable = new Map<string, { every_ms: number; next_ms: number }>();
    const fresh: string[] = [];
    for (const [name, interval_ms] of every_ms) {
      const known = this.#timetable.get(name);
      const stays = known?.every_ms === interval_ms;
      const entry = { every_ms: interval_ms, next_ms: alignedAfter(now_ms, interval_ms) };
      timetable.set(name, stays ? known : entry);
      const at_once = !stays || options.run_now?.has(name);
      if (at_once && !this.#running.has(name)) fresh.push(name);
    }
    this.#timetable = timetable;
    if (fresh.length > 0) this.#start({ at_ms: now_ms, scripts: fresh });
    this.#changed.abort();
  }

  /** A script's run is over, well or not: it may be started again. */
  ended(name: string): void {
    this.#running.delete(name);
  }

  /** Ticks that were not run because the script was still busy, since the start. */
  missed(): number {
    return this.#missed;
  }

  /** Runs until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#changed.abort(), { once: true });
    while (!signal.aborted) {
      this.#changed = new AbortController();
      const decided = plan(this.#timetable, {
        now_ms: this.#clock.now(),
        running: this.#running,
      });
      this.#timetable = decided.timetable;
      this.#missed += decided.missed.length;
      for (const tick of decided.ticks) this.#start(tick);
      await this.#clock.sleep(decided.wake_in_ms, this.#changed.signal);
    }
  }

  #start(tick: Tick): void {
    for (const name of tick.scripts) this.#running.add(name);
    this.#onTick(tick);
  }
}
