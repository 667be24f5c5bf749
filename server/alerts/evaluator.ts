/**
 * Rules and reports in memory: who is looked at, when, and what follows. No I/O, and time is an
 * argument; `service.ts` feeds it and writes down what it says.
 *
 * A report is looked at when it is committed: its plan (selection.ts) says which values rules are
 * about. Nearly all are on the right side of their threshold and belong to no alert; that is a
 * comparison and no more, so that 200 rules for 5,000 hosts are little work. Everything else goes to
 * the state machine of its alert, which exists only as long as there is something to remember.
 *
 * The time is looked at once a second (`tick`): alerts that wait for a duration, values that are not
 * current any more, metrics and hosts that say nothing.
 *
 * Nothing is said of time in which nobody watched: after a start, and after the database was away,
 * silence counts from then on, and alerts wait until their host has reported.
 */
import type { AlertChanges, AlertRow } from "../../db/alerts.ts";
import type { CellKey } from "../../db/block_cells.ts";
import type { HostRow } from "../../db/hosts.ts";
import { AlertBook, storyOf } from "./alert_book.ts";
import { followed, staleAfter } from "./arrival.ts";
import { isBeyond, truthsOf } from "./condition.ts";
import { derive, derivedOf } from "./derived.ts";
import { FLEET_HOST_ID } from "./fleet_guard.ts";
import { Roster, type RuleEnds } from "./roster.ts";
import { type Machine, refitted, shifted } from "./rule.ts";
import type { Severity } from "./rule_schema.ts";
import { type ActiveRule, type Entry, goneRule } from "./selection.ts";
import { Timekeeper } from "./timekeeper.ts";
import type { Alert, Unknown, WatchedHost } from "./watched_host.ts";
import type { Window } from "./window.ts";

/** After a start, hosts have this long to report before anything is unknown. */
const PATIENCE_MS = 60_000;

/** A committed report, as the ingest side hands it over. */
export interface Observed {
  host_id: number;
  shape_id: number;
  at_ms: number;
  value(index: number): number;
}

/** A series whose past has to be read before a rule can say something of it. */
export interface Missing {
  host: WatchedHost;
  entry: Entry;
  window: Window;
  /** Of the report that asked for it. */
  seen: { at_ms: number; fresh_until_ms: number; now_ms: number };
}

export class Evaluator {
  readonly #book = new AlertBook();
  readonly #roster = new Roster(this.#book);
  readonly #timekeeper = new Timekeeper(this.#book, this.#roster);
  #missing: Missing[] = [];
  /** Since when reports could come in and be seen. */
  #watching_ms: number;
  #isBlind = false;

  constructor(now_ms: number) {
    this.#watching_ms = now_ms;
  }

  get hosts(): ReadonlyMap<number, WatchedHost> {
    return this.#roster.hosts;
  }

  get rules(): readonly ActiveRule[] {
    return this.#roster.rules;
  }

  /** Is nothing known of anything, because the database is away? */
  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** Values of these shapes are understood from now on. */
  setShapes(
    shapes: ReadonlyMap<number, readonly string[]>,
    units: ReadonlyMap<string, string>,
  ): void {
    this.#roster.setShapes(shapes);
    this.#book.setUnits(units);
  }

  setHosts(rows: readonly HostRow[], now_ms: number): void {
    this.#roster.setHosts(rows, now_ms);
  }

  setRules(rules: readonly ActiveRule[], options: { now_ms: number; ends?: RuleEnds }): void {
    this.#roster.setRules(rules, options);
  }

  hasShape(shape_id: number): boolean {
    return this.#roster.hasShape(shape_id);
  }

  /** Does it know what a report's values mean? If not, host and shape have to be told first. */
  knows({ host_id, shape_id }: Pick<Observed, "host_id" | "shape_id">): boolean {
    return this.#roster.hosts.has(host_id) && this.#roster.hasShape(shape_id);
  }

  /** A report that was there before: it is expected to go on, and nothing is said of its values. */
  remember(report: Observed, now_ms: number): void {
    const { shape_id } = report;
    const host = this.#roster.hosts.get(report.host_id);
    if (host === undefined || !this.#roster.hasShape(shape_id)) return;
    const shape = host.shape(shape_id, () => this.#roster.plan(shape_id, host.rules));
    host.remember(shape, report.at_ms, now_ms);
    for (const { script, position } of shape.plan.scripts) {
      host.noteScript(script, report.value(position), { now_ms, isPast: true });
    }
  }

  /** A report was committed. */
  observe(report: Observed, now_ms: number): void {
    const { shape_id } = report;
    const host = this.#roster.hosts.get(report.host_id);
    if (host === undefined || !this.#roster.hasShape(shape_id)) return;
    const shape = host.shape(shape_id, () => this.#roster.plan(shape_id, host.rules));
    if (!host.arrive(shape, report.at_ms, now_ms)) return;
    const { plan } = shape;
    for (const { script, position } of plan.scripts) {
      host.noteScript(script, report.value(position), { now_ms });
    }
    const seen = { at_ms: shape.at_ms, fresh_until_ms: now_ms + staleAfter(shape), now_ms };
    const hasAlerts = host.alerts.size > 0;
    for (const entry of plan.values) {
      const value = report.value(entry.position);
      const { comparison, levels } = entry.active.rule;
      const isWrong = levels.some(({ threshold }) => isBeyond(comparison, value, threshold));
      if (!isWrong && !(hasAlerts && host.alerts.has(entry.slot))) continue;
      this.#look(host, entry, { ...seen, value });
    }
    for (const entry of plan.windows) {
      const { value, missing } = derive(host, entry, {
        value: report.value(entry.position),
        at_ms: shape.at_ms,
      });
      if (missing !== undefined) this.#missing.push({ host, entry, window: missing, seen });
      if (value !== undefined) this.#look(host, entry, { ...seen, value });
    }
  }

  /** A number that is true now, of an entry that may be wrong or has an alert. */
  #look(
    host: WatchedHost,
    entry: Entry,
    seen: { value: number; at_ms: number; fresh_until_ms: number; now_ms: number },
  ): void {
    const { value, at_ms, fresh_until_ms, now_ms } = seen;
    const known = host.alerts.get(entry.slot);
    const truths = truthsOf(entry.active.rule, value, known?.machine);
    if (known === undefined && !truths.includes(true)) return;
    const alert = known ?? this.#book.open(host, entry);
    // the same metric may be in reports of two shapes
    const gap_ms = at_ms - alert.at_ms;
    if (gap_ms < 0) return;
    if (gap_ms > 0 && gap_ms < Infinity) alert.interval_ms = followed(alert.interval_ms, gap_ms);
    alert.value = value;
    alert.at_ms = at_ms;
    alert.fresh_until_ms = alert.interval_ms === undefined
      ? fresh_until_ms
      : now_ms + staleAfter(alert);
    alert.patient_until_ms = -Infinity;
    this.#book.step(alert, truths, { now_ms, story: storyOf(entry) });
  }

  /** Looks at the time. */
  tick(now_ms: number): void {
    if (this.#isBlind) {
      for (const alert of this.alerts()) this.#book.unknown(alert, "server", now_ms);
    } else this.#timekeeper.look({ now_ms, watching_ms: this.#watching_ms });
  }

  /** The database is away: nothing is known, and silence is not the hosts'. Or it is back. */
  setBlind(isBlind: boolean, now_ms: number): void {
    if (isBlind === this.#isBlind) return;
    this.#isBlind = isBlind;
    this.#watching_ms = now_ms;
    for (const alert of this.alerts()) alert.patient_until_ms = now_ms + PATIENCE_MS;
  }

  /** The clock was set, by so much: what is remembered goes along. */
  shift(by_ms: number): void {
    this.#watching_ms += by_ms;
    for (const host of this.#roster.hosts.values()) {
      host.shift(by_ms);
      for (const alert of host.alerts.values()) {
        this.#book.set(alert, shifted(alert.machine, by_ms));
      }
    }
  }

  /**
   * States of an earlier evaluator; rules and hosts have to be there. `away_ms` is how long nobody
   * watched, negative by a clock behind. States of rules or hosts that are gone meanwhile are over.
   */
  restore(
    rows: readonly AlertRow[],
    { now_ms, away_ms, ends = new Map() }: { now_ms: number; away_ms: number; ends?: RuleEnds },
  ): void {
    for (const row of rows) {
      const { rule_id, metric } = row;
      const host = row.host_id === FLEET_HOST_ID
        ? this.#roster.fleet()
        : this.#roster.hosts.get(row.host_id);
      const active = this.#roster.rules.find(({ id }) => id === rule_id);
      if (host === undefined) continue;
      const slot = this.#roster.slots.of(rule_id, metric);
      const alert = this.#book.open(host, { active: active ?? goneRule(rule_id), metric, slot });
      // stored by this program, for the levels that the rule had; the first of them did not say so
      const { severities, ...machine } = row.machine as Machine & { severities?: Severity[] };
      const before = {
        levels: severities?.map((severity) => ({ severity })) ?? alert.active.rule.levels,
      };
      alert.machine = machine;
      this.#book.set(alert, refitted(shifted(machine, away_ms), before, alert.active.rule));
      alert.value = row.value;
      alert.unknown = row.unknown as Unknown | null;
      alert.incident_key = row.incident_key;
      alert.told = row.severity;
      alert.patient_until_ms = now_ms + PATIENCE_MS;
      if (active === undefined) this.#book.end(alert, ends.get(rule_id) ?? "rule_deleted", now_ms);
    }
    this.#roster.setRules(this.#roster.rules, { now_ms });
  }

  /** Ends an incident because a person says so; false when it is not open here. */
  resolve(
    request: { host_id: number; incident_key: string; who: string | null; note: string | null },
    now_ms: number,
  ): boolean {
    const host = this.#roster.hosts.get(request.host_id);
    const alert = host?.alerts.values()
      .find(({ incident_key }) => incident_key === request.incident_key);
    if (alert === undefined) return false;
    this.#book.close(alert, { now_ms, ...request });
    return true;
  }

  requestDone(id: number): void {
    this.#book.recorder.requestDone(id);
  }

  /** Everything that is not simply well. */
  *alerts(): Generator<Alert> {
    for (const host of this.#roster.hosts.values()) yield* host.alerts.values();
  }

  reach(): Map<number, number> {
    return this.#roster.reach();
  }

  keysOf(host: WatchedHost, metric: string): CellKey[] {
    return this.#roster.keysOf(host, metric);
  }

  /** What of a host is compared with its habits. */
  unusualOf(host: WatchedHost): Entry[] {
    return [...host.shapes.values()].flatMap(({ plan }) => plan.windows)
      .filter(({ active }) => active.rule.condition === "unusual");
  }

  /** The past of a series, oldest first, or as much as there is of it. */
  fill(
    { host, entry, window, seen }: Missing,
    times_ms: ArrayLike<number>,
    values: ArrayLike<number>,
  ) {
    // a failing collector's counter appears with its first failure: it was 0 until then
    const isFirst = times_ms.length === 0 && host.shapes.size > 1 &&
      entry.active.rule.condition === "script_failed";
    if (isFirst) window.fill([window.newest_ms - 1], [0]);
    else window.fill(times_ms, values);
    // what came meanwhile has waited for it
    const value = derivedOf(host, entry);
    if (value !== undefined) this.#look(host, entry, { ...seen, value });
  }

  /** Series whose past has to be read; each is named once. */
  takeMissing(): Missing[] {
    return this.#missing.splice(0);
  }

  /** What of it could not be read is named again. */
  putBack(missing: Iterable<Missing>): void {
    this.#missing = [...missing, ...this.#missing];
  }

  get hasChanges(): boolean {
    return !this.#book.recorder.isEmpty;
  }

  /** Everything that has changed since the last time, for one transaction. */
  takeChanges(now_ms: number): AlertChanges {
    return this.#book.recorder.take(now_ms);
  }
}
