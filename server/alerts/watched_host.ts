/**
 * A host as the evaluator sees it: when its reports came, which alerts it has, and, when something is
 * not known, why. The four stories:
 *
 *   server         nothing can be known just now: the database is away, or the disk is full
 *   host_silent    the host sends nothing at all
 *   script_failed  the host reports, and the collector of the metric fails
 *   no_data        the host reports, but not this metric
 */
import type { HostRow } from "../../db/hosts.ts";
import {
  type Arrivals,
  arrive,
  contradicts,
  firstArrival,
  followed,
  staleAfter,
} from "./arrival.ts";
import type { Machine } from "./rule.ts";
import type { Severity } from "./rule_schema.ts";
import type { ActiveRule, Entry, Plan } from "./selection.ts";
import type { Baseline, Trend } from "./trend.ts";
import type { Window } from "./window.ts";

export type Unknown = "server" | "host_silent" | "script_failed" | "no_data" | "fleet_silent";

/** Shapes of a host that are remembered, the newest; ordinary hosts have a handful. */
const SHAPES_MAX = 64;
/** A collector that failed is failing for this long after its last failure. */
const SCRIPT_FAILING_MS = 5 * 60_000;

/** A rule for one series that is not simply well. */
export interface Alert {
  host: WatchedHost;
  active: ActiveRule;
  metric: string;
  slot: number;
  machine: Machine;
  /** The number that was compared last. */
  value: number | null;
  /** When that number was true. */
  at_ms: number;
  /** How often it comes, whatever reports it is in; undefined before the second time. */
  interval_ms: number | undefined;
  /** Until when it is. */
  fresh_until_ms: number;
  /** Not looked at before this time unless something comes: after a start everybody has to report. */
  patient_until_ms: number;
  unknown: Unknown | null;
  incident_key: string | null;
  /** The severity its incident has. */
  told: Severity | null;
}

export interface WatchedShape extends Arrivals {
  plan: Plan;
}

export class WatchedHost {
  readonly shapes = new Map<number, WatchedShape>();
  readonly alerts = new Map<number, Alert>();
  readonly windows = new Map<number, Window>();
  readonly trends = new Map<number, { trend: Trend | undefined; at_ms: number }>();
  readonly baselines = new Map<number, { baseline: Baseline | undefined; until_ms: number }>();
  /** Rules about this host, in their order. */
  rules: readonly ActiveRule[] = [];
  /** Rules about its silence, as entries without a metric. */
  silences: Entry[] = [];
  hasAbsences = false;
  /** When something came last, by our clock. */
  seen_ms = -Infinity;
  /** How far apart its reports usually come, whatever is in them. */
  #interval_ms: number | undefined;
  /** How late the last report was. */
  #lag_ms = NaN;
  readonly #scripts = new Map<string, { errors: number; failed_ms: number }>();

  constructor(public row: HostRow) {}

  /** Takes note of a report; false when it does not speak of now. */
  arrive(shape: WatchedShape, at_ms: number, now_ms: number): boolean {
    const { at_ms: before_ms, arrived_ms } = shape;
    if (contradicts({ seen_ms: this.seen_ms, lag_ms: this.#lag_ms }, shape)) {
      shape.behind = undefined;
    }
    if (!arrive(shape, at_ms, now_ms)) return false;
    if (shape.at_ms < before_ms && arrived_ms > -Infinity) {
      this.#setBack(shape, shape.at_ms - before_ms - (now_ms - arrived_ms));
    }
    this.#lag_ms = shape.lag_ms;
    const gap_ms = now_ms - this.seen_ms;
    if (gap_ms > 0 && gap_ms < Infinity) this.#interval_ms = followed(this.#interval_ms, gap_ms);
    this.seen_ms = now_ms;
    return true;
  }

  /** The host's clock was set back, by so much: times of what was in such reports go along. */
  #setBack({ at_ms, plan }: WatchedShape, by_ms: number): void {
    for (const { slot } of plan.values) this.#moveBack(slot, at_ms, by_ms);
    for (const { slot } of plan.windows) this.#moveBack(slot, at_ms, by_ms);
  }

  #moveBack(slot: number, now_ms: number, by_ms: number): void {
    const alert = this.alerts.get(slot);
    if (alert !== undefined && alert.at_ms > now_ms) alert.at_ms += by_ms;
    this.#moveWindow(slot, now_ms, by_ms);
  }

  /** A window would take nothing until its newest sample's time comes again. */
  #moveWindow(slot: number, now_ms: number, by_ms: number): void {
    const window = this.windows.get(slot);
    if (window === undefined || window.newest_ms <= now_ms) return;
    window.shift(by_ms);
    this.trends.delete(slot);
  }

  /** A report that came before anybody watched: more of its kind are expected. */
  remember(shape: WatchedShape, at_ms: number, now_ms: number): void {
    // also one whose clock was ahead
    const arrived_ms = Math.min(at_ms, now_ms - 1);
    shape.given_ms = Math.max(shape.given_ms, at_ms);
    shape.at_ms = Math.max(shape.at_ms, arrived_ms);
    shape.arrived_ms = Math.max(shape.arrived_ms, arrived_ms);
    this.seen_ms = Math.max(this.seen_ms, arrived_ms);
  }

  /** Has nothing come for so long that something should have? */
  isSilent(now_ms: number): boolean {
    return now_ms > this.seen_ms + staleAfter({ interval_ms: this.#interval_ms });
  }

  shape(shape_id: number, makePlan: () => Plan): WatchedShape {
    let shape = this.shapes.get(shape_id);
    if (shape === undefined) {
      if (this.shapes.size >= SHAPES_MAX) this.#forgetOldest();
      shape = { ...firstArrival(), plan: makePlan() };
      this.shapes.set(shape_id, shape);
    }
    return shape;
  }

  /** The clock was set: what was noted goes along; times of reports are theirs, never ahead of ours. */
  shift(by_ms: number): void {
    this.seen_ms += by_ms;
    for (const shape of this.shapes.values()) {
      shape.arrived_ms += by_ms;
      if (by_ms < 0) {
        shape.at_ms += by_ms;
        shape.given_ms += by_ms;
      }
    }
    if (by_ms < 0) {
      for (const slot of this.windows.keys()) this.#moveWindow(slot, this.seen_ms, by_ms);
    }
    for (const alert of this.alerts.values()) {
      if (by_ms < 0) alert.at_ms += by_ms;
      alert.fresh_until_ms += by_ms;
      alert.patient_until_ms += by_ms;
    }
  }

  /** A host whose metrics come and go has a new shape all the time. */
  #forgetOldest(): void {
    let [oldest, oldest_ms] = [-1, Infinity];
    for (const [shape_id, { arrived_ms }] of this.shapes) {
      if (arrived_ms < oldest_ms) [oldest, oldest_ms] = [shape_id, arrived_ms];
    }
    this.shapes.delete(oldest);
  }

  /** Takes note of how often a collector has failed. */
  noteScript(
    script: string,
    errors: number,
    { now_ms, isPast = false }: { now_ms: number; isPast?: boolean },
  ): void {
    const before = this.#scripts.get(script);
    if (before === undefined) {
      // the counter appears with the first failure; one that was there at our start says nothing
      const isNew = this.shapes.size > 1 && !isPast;
      this.#scripts.set(script, { errors, failed_ms: isNew ? now_ms : -Infinity });
    } else if (errors !== before.errors) {
      before.errors = errors;
      if (errors > 0) before.failed_ms = now_ms;
    }
  }

  /** Why nothing is known of a metric of a host (empty: of the host itself). */
  whyUnknown(metric: string, now_ms: number): Unknown {
    if (this.isSilent(now_ms)) return "host_silent";
    // a collector's series are named after it
    const script = this.#scripts.get(metric.split(/[.{]/, 1)[0] ?? "");
    const isFailing = script !== undefined && now_ms - script.failed_ms < SCRIPT_FAILING_MS;
    return isFailing ? "script_failed" : "no_data";
  }

  /** When each absent metric was there last, by slot. */
  newestOfAbsences(): Map<number, { entry: Entry; seen_ms: number }> {
    const newest = new Map<number, { entry: Entry; seen_ms: number }>();
    for (const { plan, arrived_ms } of this.shapes.values()) {
      // one that never came while somebody watched is of a time that is over
      if (arrived_ms === -Infinity) continue;
      for (const entry of plan.absences) {
        const known = newest.get(entry.slot);
        if (known === undefined) newest.set(entry.slot, { entry, seen_ms: arrived_ms });
        else if (known.seen_ms < arrived_ms) known.seen_ms = arrived_ms;
      }
    }
    return newest;
  }
}
