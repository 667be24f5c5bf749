/**
 * One evaluator at work: what it is told of hosts, rules and reports, and what it says, written down.
 * `service.ts` decides when it looks, and how long.
 *
 * Changes are taken from the evaluator and written as they are until they are written: a COMMIT of
 * which nobody knows how it ended is repeated with the same keys. While the database is away the
 * evaluator is blind: it says "unknown" of everything and takes no silence for the hosts' own.
 */
import { type AlertChanges, saveChanges, selectAlerts } from "../../db/alerts.ts";
import type { Sql } from "../../db/connect.ts";
import { selectHosts } from "../../db/hosts.ts";
import { selectLatestReports } from "../../db/reports.ts";
import type { LatestReportRow, ReportKey } from "../../db/reports.ts";
import {
  beginEvaluation,
  noteEvaluated,
  type RuleRow,
  selectRequests,
  selectRules,
} from "../../db/rules.ts";
import { selectMetrics } from "../../db/series.ts";
import { selectShapeNames } from "../../db/shapes.ts";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { Evaluator, type Observed } from "./evaluator.ts";
import { Evidence, fillMissing, learnHabits } from "./past.ts";
import { readRule, ruleSchema } from "./rule_schema.ts";
import type { RuleEnds } from "./roster.ts";
import type { ActiveRule } from "./selection.ts";

/** Reports of hosts or shapes that are not known yet; the oldest are dropped, and counted. */
const STRANGERS_MAX = 20_000;
/** Tags and names of hosts are read again this often; new hosts at once. */
const HOSTS_MS = 10_000;
const HABITS_MS = 60_000;
/** At a start, what is younger than this still speaks of now. */
const CURRENT_MS = 60_000;
/** A clock that differs by more from the time that has passed has been set. */
const JUMP_MS = 5_000;

export interface LeadOptions {
  sql: Sql;
  clock: Clock;
  log: Logger;
  /** Who this is, for people. */
  name: string;
  isTaking: () => boolean;
  /** Something new is in the outbox. */
  onOutbox?: () => void;
}

export class Lead {
  #options: LeadOptions;
  readonly #epoch: number;
  readonly evaluator: Evaluator;
  #rules_revision: number | undefined;
  #unsaved: AlertChanges | undefined;
  readonly #evidence = new Evidence();
  #strangers: (ReportKey & { values: Float64Array })[] = [];
  #hosts_read_ms = -Infinity;
  #habits_ms = -Infinity;
  #wall_ms: number;
  #steady_ms: number;
  /** Reports that were not looked at, since the start. */
  dropped = 0;

  private constructor(options: LeadOptions, epoch: number, evaluator: Evaluator) {
    this.#options = options;
    this.#epoch = epoch;
    this.evaluator = evaluator;
    this.#wall_ms = options.clock.now();
    this.#steady_ms = options.clock.monotonic();
  }

  /** Takes over from whoever evaluated before, with the states as they are stored. */
  static async begin(options: LeadOptions): Promise<Lead> {
    const { sql, clock, name } = options;
    const now_ms = clock.now();
    const { epoch, evaluated_ms } = await beginEvaluation(sql, name);
    const lead = new Lead(options, epoch, new Evaluator(now_ms));
    await lead.#readHosts();
    const latest = await selectLatestReports(sql);
    await lead.#readShapes(latest.map(({ shape_id }) => shape_id));
    const rules = await selectRules(sql);
    lead.evaluator.setRules(lead.#activeOf(rules), { now_ms });
    lead.evaluator.restore(await selectAlerts(sql), {
      now_ms,
      // negative when our clock is behind that of whoever evaluated before
      away_ms: evaluated_ms === null ? 0 : now_ms - evaluated_ms,
      ends: endsOf(rules),
    });
    // states that were moved and the time they were moved to are written together, or not at all
    const restored = lead.evaluator.takeChanges(now_ms);
    await saveChanges(sql, { ...restored, evaluated_ms: now_ms }, epoch);
    if (restored.transitions.length > 0) options.onOutbox?.();
    for (const report of latest) {
      // of one far ahead of us nobody knows when it came
      const isCurrent = Math.abs(now_ms - report.at_ms) < CURRENT_MS;
      if (isCurrent) lead.evaluator.observe(observedOf(report), now_ms);
      else lead.evaluator.remember(observedOf(report), now_ms);
    }
    return lead;
  }

  /** Other connections to the same database. */
  useDatabase(sql: Sql): void {
    this.#options = { ...this.#options, sql };
  }

  /** The time, after the evaluator has heard of a clock that was set. */
  #now(): number {
    const { clock } = this.#options;
    const [wall_ms, steady_ms] = [clock.now(), clock.monotonic()];
    const by_ms = wall_ms - this.#wall_ms - (steady_ms - this.#steady_ms);
    [this.#wall_ms, this.#steady_ms] = [wall_ms, steady_ms];
    if (Math.abs(by_ms) > JUMP_MS) {
      this.#options.log.warn("the clock was set; durations of alerts go on", {
        by_s: by_ms / 1000,
      });
      this.evaluator.shift(by_ms);
    }
    return wall_ms;
  }

  /** A committed report. What it means is looked up later when it is not known yet. */
  observe(report: Observed & { length: number }): void {
    const now_ms = this.#now();
    if (this.evaluator.knows(report)) {
      this.evaluator.observe(report, now_ms);
      return;
    }
    const { host_id, shape_id, at_ms, length } = report;
    const values = Float64Array.from({ length }, (_, index) => report.value(index));
    this.#strangers.push({ host_id, shape_id, at_ms, values });
    if (this.#strangers.length > STRANGERS_MAX) {
      this.#strangers.shift();
      this.dropped++;
    }
  }

  /** Reports that may have been missed. */
  async observeLatest(): Promise<void> {
    for (const report of await selectLatestReports(this.#options.sql)) {
      this.observe({ ...observedOf(report), length: report.vals.length });
    }
  }

  /** Are reports taken? */
  get isTaking(): boolean {
    return this.#options.isTaking();
  }

  get isBusy(): boolean {
    return this.evaluator.hasChanges || this.#unsaved !== undefined || this.#strangers.length > 0;
  }

  /** Once a second. False: another server evaluates by now. */
  async tick(): Promise<boolean> {
    const { sql } = this.#options;
    const revision = await noteEvaluated(sql, { epoch: this.#epoch, now_ms: this.#now() });
    if (revision === undefined) return false;
    this.evaluator.setBlind(!this.#options.isTaking(), this.#now());
    if (revision !== this.#rules_revision) {
      await this.#readRules();
      this.#rules_revision = revision;
    }
    const now_ms = this.#now();
    if (now_ms - this.#hosts_read_ms >= HOSTS_MS || now_ms < this.#hosts_read_ms) {
      await this.#readHosts();
    }
    for (const request of await selectRequests(sql)) {
      this.evaluator.resolve(request, this.#now());
      this.evaluator.requestDone(request.id);
    }
    this.evaluator.tick(this.#now());
    return true;
  }

  /** The database is away. */
  goBlind(): void {
    const now_ms = this.#now();
    this.evaluator.setBlind(true, now_ms);
    this.evaluator.tick(now_ms);
  }

  /** Writes down what has changed. @throws EvaluatorReplacedError */
  async save(): Promise<void> {
    const { sql } = this.#options;
    await this.#meetStrangers();
    await fillMissing(sql, this.evaluator, this.#now());
    await this.#learn();
    if (this.#unsaved === undefined && this.evaluator.hasChanges) {
      this.#unsaved = this.evaluator.takeChanges(this.#now());
    }
    const changes = this.#unsaved;
    if (changes !== undefined) {
      await saveChanges(sql, changes, this.#epoch);
      this.#unsaved = undefined;
      this.#evidence.want(changes.opened);
      if (changes.transitions.length > 0) this.#options.onOutbox?.();
    }
    await this.#evidence.keep(sql, this.evaluator);
  }

  async #learn(): Promise<void> {
    const steady_ms = this.#options.clock.monotonic();
    if (steady_ms - this.#habits_ms < HABITS_MS) return;
    this.#habits_ms = steady_ms;
    await learnHabits(this.#options.sql, this.evaluator, this.#now());
  }

  async #meetStrangers(): Promise<void> {
    if (this.#strangers.length === 0) return;
    // who comes while these are looked up is met the next time
    const strangers = this.#strangers;
    this.#strangers = [];
    try {
      if (strangers.some(({ host_id }) => !this.evaluator.hosts.has(host_id))) {
        await this.#readHosts();
      }
      await this.#readShapes(strangers.map(({ shape_id }) => shape_id));
    } catch (error) {
      const all = [...strangers, ...this.#strangers];
      this.#strangers = all.slice(-STRANGERS_MAX);
      this.dropped += all.length - this.#strangers.length;
      throw error;
    }
    const now_ms = this.#now();
    for (const { values, ...key } of strangers) {
      this.evaluator.observe({ ...key, value: (index) => values[index] ?? 0 }, now_ms);
    }
  }

  async #readHosts(): Promise<void> {
    const rows = await selectHosts(this.#options.sql);
    this.#hosts_read_ms = this.#now();
    this.evaluator.setHosts(rows, this.#hosts_read_ms);
  }

  async #readShapes(ids: readonly number[]): Promise<void> {
    const { sql } = this.#options;
    const missing = new Set(ids.filter((id) => !this.evaluator.hasShape(id)));
    if (missing.size === 0) return;
    const names = await selectShapeNames(sql, [...missing]);
    const units = new Map(
      (await selectMetrics(sql)).flatMap(({ name, unit }) => unit === null ? [] : [[name, unit]]),
    );
    this.evaluator.setShapes(names, units);
  }

  async #readRules(): Promise<void> {
    const rows = await selectRules(this.#options.sql);
    this.evaluator.setRules(this.#activeOf(rows), { now_ms: this.#now(), ends: endsOf(rows) });
    // habits of new rules are learned at once
    this.#habits_ms = -Infinity;
  }

  /** One that this version does not understand is left out, and said. */
  #activeOf(rows: readonly RuleRow[]): ActiveRule[] {
    return rows.filter(({ enabled }) => enabled).flatMap(({ id, name, revision, definition }) => {
      const parsed = ruleSchema.safeParse(definition);
      if (parsed.success) return [{ id, revision, definition, rule: readRule(parsed.data) }];
      this.#options.log.error("a rule cannot be read and is left out", {
        rule: name,
        error: parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`),
      });
      return [];
    });
  }
}

/** Rules that are there and not in force are disabled; all others are deleted. */
function endsOf(rows: readonly RuleRow[]): RuleEnds {
  const disabled = new Map(
    rows.filter(({ enabled }) => !enabled).map(({ id }) => [id, "rule_disabled" as const]),
  );
  const present = new Set(rows.map(({ id }) => id));
  return {
    get: (id) => disabled.get(id) ?? (present.has(id) ? undefined : "rule_deleted"),
  };
}

function observedOf({ vals, ...report }: LatestReportRow): Observed {
  return { ...report, value: (index) => vals[index] ?? 0 };
}
