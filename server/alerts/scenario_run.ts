/** Runs a scenario: the evaluator as it is in the server, with a clock that nobody waits for. */
import type { AlertRow } from "../../db/alerts.ts";
import { Evaluator, type Observed } from "./evaluator.ts";
import { alertFault, quoted, type Told, toldFault } from "./scenario_expect.ts";
import { readRule, type RuleInput, ruleSchema } from "./rule_schema.ts";
import type { Scenario, ScenarioLine, ScenarioSample } from "./scenario.ts";
import type { ActiveRule } from "./selection.ts";
import { baselineOf } from "./trend.ts";

/** A Wednesday; scenarios count from here. */
const START_MS = Date.UTC(2025, 0, 15, 12);
const TICK_MS = 1_000;
/** Looks at the time when nothing happens are this far apart in long scenarios. */
const SHORT_MS = 6 * 3_600_000;
/** At a start, what is younger than this still speaks of now, as in lead.ts. */
const CURRENT_MS = 60_000;

export interface ScenarioFault {
  line: number;
  message: string;
}

export interface ScenarioResult {
  /** Nothing: it is as the scenario says. */
  faults: ScenarioFault[];
  /** What was told, with its time. */
  told: string[];
}

export function runScenario(scenario: Scenario): ScenarioResult {
  return new Run(scenario).run();
}

class Run {
  readonly #scenario: Scenario;
  readonly #ids = new Map<string, number>();
  readonly #shapes = new Map<string, number>();
  readonly #faults: ScenarioFault[] = [];
  readonly #told: Told[] = [];
  /** What the database would have. */
  readonly #stored = new Map<string, AlertRow>();
  /** The newest report of each host and shape. */
  readonly #latest = new Map<string, Observed>();
  #incidents = new Map<string, { rule_id: number; hostname: string; metric: string }>();
  #rules: (ActiveRule & { input: RuleInput; enabled: boolean })[];
  #evaluator: Evaluator;
  /** Time of the scenario less that of the server's clock. */
  #set_ms = 0;
  #asserted = 0;
  #dark_until_ms = -Infinity;
  #restarts_ms: number | undefined;
  #history: ScenarioSample[] = [];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#rules = scenario.rules.map((input, index) => ({
      id: index + 1,
      revision: 1,
      enabled: input.enabled ?? true,
      input,
      definition: input,
      rule: readRule(ruleSchema.parse(input)),
    }));
    const hosts = new Set([
      ...Object.keys(scenario.hosts),
      ...scenario.samples.map(({ host }) => host),
    ]);
    for (const host of [...hosts].sort()) this.#ids.set(host, this.#ids.size + 1);
    this.#evaluator = this.#newEvaluator(START_MS);
  }

  run(): ScenarioResult {
    const { samples, lines, end_ms } = this.#scenario;
    const step_ms = end_ms > SHORT_MS ? 10 * TICK_MS : TICK_MS;
    let [sample, line] = [0, 0];
    for (let at_ms = 0; at_ms <= end_ms; at_ms += step_ms) {
      const due: ScenarioSample[] = [];
      for (; (samples[sample]?.arrives_ms ?? Infinity) <= at_ms; sample++) {
        // the loop's condition has seen it
        due.push(samples[sample] as ScenarioSample);
      }
      this.#time(at_ms, due);
      for (; (lines[line]?.at_ms ?? Infinity) <= at_ms; line++) {
        this.#do(lines[line] as ScenarioLine, at_ms);
      }
    }
    const left = this.#told.slice(this.#asserted);
    if (left.length > 0) {
      const shown = left.map(({ shown }) => shown).join(", ");
      this.#faults.push({ line: 0, message: `told and not expected: ${shown}` });
    }
    return { faults: this.#faults, told: this.#told.map(({ shown }) => shown) };
  }

  /** What the server's clock says. */
  #now(at_ms: number): number {
    return START_MS + at_ms + this.#set_ms;
  }

  #time(at_ms: number, due: readonly ScenarioSample[]): void {
    const now_ms = this.#now(at_ms);
    if (this.#restarts_ms !== undefined && at_ms >= this.#restarts_ms) {
      this.#restarts_ms = undefined;
      const away_ms = now_ms - this.#stopped_ms;
      this.#evaluator = this.#newEvaluator(now_ms);
      this.#evaluator.restore([...this.#stored.values()], { now_ms, away_ms });
      for (const report of this.#latest.values()) {
        if (Math.abs(now_ms - report.at_ms) < CURRENT_MS) this.#evaluator.observe(report, now_ms);
        else this.#evaluator.remember(report, now_ms);
      }
    }
    if (this.#restarts_ms !== undefined) return;
    const isDark = at_ms < this.#dark_until_ms;
    this.#evaluator.setBlind(isDark, now_ms);
    // what cannot be stored is sent again by agents; a scenario that wants that says so
    if (!isDark) this.#reports(due, now_ms);
    this.#evaluator.tick(now_ms);
    if (!isDark) this.#save(at_ms, now_ms);
  }

  #stopped_ms = 0;

  /** Samples that come at once make one report for each host and time. */
  #reports(due: readonly ScenarioSample[], now_ms: number): void {
    const reports = Map.groupBy(due, ({ host, at_ms }) => `${at_ms} ${host}`);
    for (const samples of reports.values()) {
      const sorted = samples.toSorted((a, b) => a.metric < b.metric ? -1 : 1);
      const names = sorted.map(({ metric }) => metric);
      const key = names.join("\n");
      let shape_id = this.#shapes.get(key);
      if (shape_id === undefined) {
        this.#shapes.set(key, shape_id = this.#shapes.size + 1);
        this.#evaluator.setShapes(new Map([[shape_id, names]]), new Map());
      }
      const [first] = samples;
      const report: Observed = {
        host_id: this.#ids.get(first?.host ?? "") ?? 0,
        shape_id,
        at_ms: START_MS + (first?.at_ms ?? 0) + this.#set_ms,
        value: (index) => sorted[index]?.value ?? 0,
      };
      const latest = `${report.host_id} ${shape_id}`;
      const isNewest = report.at_ms >= (this.#latest.get(latest)?.at_ms ?? -Infinity);
      if (isNewest) this.#latest.set(latest, report);
      this.#evaluator.observe(report, now_ms);
    }
    this.#fill(now_ms);
    this.#history.push(...due);
  }

  /** The past that rules ask for is what came before. */
  #fill(now_ms: number): void {
    for (const missing of this.#evaluator.takeMissing()) {
      const { host, entry } = missing;
      const own = this.#history.filter((sample) =>
        sample.host === host.row.hostname && sample.metric === entry.metric
      ).toSorted((a, b) => a.at_ms - b.at_ms);
      this.#evaluator.fill(
        missing,
        own.map(({ at_ms }) => this.#now(at_ms)),
        own.map(({ value }) => value),
      );
      if (entry.active.rule.condition !== "unusual") continue;
      const baseline = baselineOf(own.map(({ value }) => value));
      host.baselines.set(entry.slot, { baseline, until_ms: now_ms });
    }
  }

  #save(at_ms: number, now_ms: number): void {
    const changes = this.#evaluator.takeChanges(now_ms);
    for (const { host_id, rule_id, metric } of changes.removed) {
      this.#stored.delete(`${host_id} ${rule_id} ${metric}`);
    }
    for (const row of changes.alerts) {
      const copy: AlertRow = structuredClone(row);
      this.#stored.set(`${row.host_id} ${row.rule_id} ${row.metric}`, copy);
    }
    for (const incident of changes.opened) this.#incidents.set(incident.key, incident);
    for (const { kind, severity, incident_key } of changes.transitions) {
      const { rule_id, hostname, metric } = this.#incidents.get(incident_key) ??
        { rule_id: 0, hostname: "", metric: "" };
      const name = this.#rules.find(({ id }) => id === rule_id)?.input.name ?? "";
      const words = [kind, name, hostname, ...(metric === "" ? [] : [metric]), severity];
      const shown = `${at_ms / 1000}s ${words.map(quoted).join(" ")}`;
      this.#told.push({ words, shown });
    }
  }

  #newEvaluator(now_ms: number): Evaluator {
    const evaluator = new Evaluator(now_ms);
    evaluator.setHosts(
      [...this.#ids].map(([hostname, id]) => ({
        id,
        hostname,
        alias: null,
        location: null,
        tags: this.#scenario.hosts[hostname] ?? {},
      })),
      now_ms,
    );
    const shapes = [...this.#shapes].map(([key, id]) => [id, key.split("\n")] as const);
    evaluator.setShapes(new Map(shapes), new Map());
    evaluator.setRules(this.#rules.filter(({ enabled }) => enabled), { now_ms });
    return evaluator;
  }

  #do({ line, action }: ScenarioLine, at_ms: number): void {
    const now_ms = this.#now(at_ms);
    const fault = (message: string) => this.#faults.push({ line, message });
    const check = (message: string | undefined) => {
      if (message !== undefined) fault(message);
    };
    switch (action.kind) {
      case "alert":
        return check(alertFault(action.words, this.#evaluator.alerts()));
      case "told":
        return check(this.#toldFault(action.messages));
      case "restart":
        this.#save(at_ms, now_ms);
        this.#stopped_ms = now_ms;
        this.#restarts_ms = at_ms + action.for_ms;
        return;
      case "away":
        this.#dark_until_ms = at_ms + action.for_ms;
        return;
      case "clock":
        this.#set_ms += action.by_ms;
        this.#evaluator.shift(action.by_ms);
        return;
      case "resolve":
        return this.#resolve(action, { now_ms, at_ms, fault });
      default:
        return this.#changeRule(action, { now_ms, at_ms, fault });
    }
  }

  #changeRule(
    action: { kind: "rule" | "delete" | "disable" | "enable"; name: string; change?: object },
    { now_ms, at_ms, fault }: { now_ms: number; at_ms: number; fault: (text: string) => void },
  ): void {
    const { kind, name } = action;
    const at = this.#rules.findIndex(({ input }) => input.name === name);
    const old = this.#rules[at];
    if (old === undefined) return fault(`there is no rule ${quoted(name)}`);
    const input: RuleInput = { ...old.input, ...action.change };
    for (const [setting, value] of Object.entries(action.change ?? {})) {
      // null takes a setting away
      if (value === null) Reflect.deleteProperty(input, setting);
    }
    const parsed = ruleSchema.safeParse(input);
    if (!parsed.success) return fault(parsed.error.issues.map(({ message }) => message).join("; "));
    this.#rules[at] = {
      ...old,
      input,
      definition: input,
      rule: readRule(parsed.data),
      revision: old.revision + 1,
      enabled: kind === "rule" ? old.enabled : kind === "enable",
    };
    // what is away hears of it when it is back
    if (this.#restarts_ms !== undefined) return;
    const reason = kind === "delete" ? "rule_deleted" : "rule_disabled";
    const rules = this.#rules.filter(({ enabled }) => enabled);
    this.#evaluator.setRules(rules, { now_ms, ends: new Map([[old.id, reason]]) });
    this.#save(at_ms, now_ms);
  }

  #resolve(
    { rule, host }: { rule: string; host: string },
    { now_ms, at_ms, fault }: { now_ms: number; at_ms: number; fault: (text: string) => void },
  ): void {
    const open = [...this.#evaluator.alerts()].filter(({ active, host: own, incident_key }) =>
      active.rule.name === rule && own.row.hostname === host && incident_key !== null
    );
    if (open.length === 0) fault(`no incident of ${quoted(rule)} is open for ${host}`);
    for (const { incident_key, host: { row } } of open) {
      const request = { host_id: row.id, incident_key: incident_key ?? "", who: null, note: null };
      this.#evaluator.resolve(request, now_ms);
    }
    this.#save(at_ms, now_ms);
  }

  #toldFault(messages: readonly string[][]): string | undefined {
    const since = this.#told.slice(this.#asserted);
    this.#asserted = this.#told.length;
    return toldFault(messages, since);
  }
}
