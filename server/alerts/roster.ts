/** Which rules are about which hosts, and what the values of their reports mean to them. */
import type { CellKey } from "../../db/block_cells.ts";
import type { HostRow } from "../../db/hosts.ts";
import type { AlertBook } from "./alert_book.ts";
import { FLEET_HOST_ID } from "./fleet_guard.ts";
import { refitted } from "./rule.ts";
import { type ActiveRule, hostMatcher, type Plan, planOf, Slots } from "./selection.ts";
import { type Alert, WatchedHost } from "./watched_host.ts";

/** Why rules are no longer in force, by id; those that are not named were changed. */
export interface RuleEnds {
  get(rule_id: number): "rule_deleted" | "rule_disabled" | undefined;
}

/** Plans that are shared, at most: for a shape and the rules of a host. */
const PLANS_MAX = 20_000;

export class Roster {
  readonly hosts = new Map<number, WatchedHost>();
  readonly slots = new Slots();
  readonly #book: AlertBook;
  readonly #shapes = new Map<number, readonly string[]>();
  readonly #plans = new Map<string, Plan>();
  #rules: readonly ActiveRule[] = [];

  constructor(book: AlertBook) {
    this.#book = book;
  }

  get rules(): readonly ActiveRule[] {
    return this.#rules;
  }

  setShapes(shapes: ReadonlyMap<number, readonly string[]>): void {
    for (const [id, names] of shapes) this.#shapes.set(id, names);
  }

  hasShape(shape_id: number): boolean {
    return this.#shapes.has(shape_id);
  }

  /** All hosts there are, as they are now; alerts of hosts that are gone are over. */
  setHosts(rows: readonly HostRow[], now_ms: number): void {
    const present = new Set(rows.map(({ id }) => id));
    for (const [id, host] of this.hosts) {
      if (present.has(id) || id === FLEET_HOST_ID) continue;
      for (const alert of host.alerts.values()) this.#book.end(alert, "gone", now_ms);
      this.hosts.delete(id);
    }
    const matchers = this.#matchers();
    for (const row of rows) {
      const known = this.hosts.get(row.id);
      if (known !== undefined && isSameHost(known.row, row)) continue;
      const host = known ?? new WatchedHost(row);
      this.hosts.set(row.id, host);
      host.row = row;
      this.#assign(host, matchers.flatMap(({ active, is }) => is(row) ? [active] : []), { now_ms });
    }
  }

  /** The rules in force, all of them. What a rule is not about any more is over. */
  setRules(rules: readonly ActiveRule[], options: { now_ms: number; ends?: RuleEnds }): void {
    this.#rules = rules;
    this.#plans.clear();
    const matchers = this.#matchers();
    for (const host of this.hosts.values()) {
      const own = matchers.flatMap(({ active, is }) => is(host.row) ? [active] : []);
      this.#assign(host, own, options);
    }
  }

  #matchers(): { active: ActiveRule; is: ReturnType<typeof hostMatcher> }[] {
    return this.#rules.map((active) => ({ active, is: hostMatcher(active.rule) }));
  }

  #assign(
    host: WatchedHost,
    matching: readonly ActiveRule[],
    { now_ms, ends = new Map() }: { now_ms: number; ends?: RuleEnds },
  ): void {
    const isFleet = host.row.id === FLEET_HOST_ID;
    host.rules = isFleet ? [] : matching;
    for (const [id, shape] of host.shapes) shape.plan = this.plan(id, host.rules);
    host.hasAbsences = host.rules.some(({ rule }) => rule.condition === "no_data");
    host.silences = host.rules.filter(({ rule }) => rule.condition === "host_silent")
      .map((active) => ({ active, metric: "", position: -1, slot: this.slots.of(active.id, "") }));
    const in_force = new Map((isFleet ? this.#rules : matching).map((one) => [one.id, one]));
    for (const alert of host.alerts.values()) {
      const active = in_force.get(alert.active.id);
      if (active === undefined || !this.#isAbout(active, alert)) {
        this.#book.end(alert, ends.get(alert.active.id) ?? "rule_changed", now_ms);
      } else if (active !== alert.active) {
        this.#book.set(alert, refitted(alert.machine, alert.active.rule, active.rule));
        alert.active = active;
      }
    }
    // they are read again
    host.windows.clear();
    host.trends.clear();
    host.baselines.clear();
  }

  #isAbout(active: ActiveRule, { metric }: Alert): boolean {
    if (active.rule.condition === "host_silent") return metric === "";
    const { values, windows, absences } = planOf([metric], [active], this.slots);
    return values.length + windows.length + absences.length > 0;
  }

  /** What the values of a shape mean to some rules; made once for all hosts they are about. */
  plan(shape_id: number, rules: readonly ActiveRule[]): Plan {
    const key = `${shape_id} ${rules.map(({ id }) => id).join()}`;
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      // hosts keep those they use
      if (this.#plans.size >= PLANS_MAX) this.#plans.clear();
      plan = planOf(this.#shapes.get(shape_id) ?? [], rules, this.slots);
      this.#plans.set(key, plan);
    }
    return plan;
  }

  /** How many series each rule is about, by its id; of silence, how many hosts. */
  reach(): Map<number, number> {
    const reach = new Map(this.#rules.map(({ id }) => [id, 0]));
    for (const host of this.hosts.values()) {
      const seen = new Set<number>();
      const plans = [...host.shapes.values()].flatMap(({ plan }) => [
        ...plan.values,
        ...plan.windows,
        ...plan.absences,
      ]);
      for (const { slot, active: { id } } of [...plans, ...host.silences]) {
        if (seen.has(slot)) continue;
        seen.add(slot);
        reach.set(id, (reach.get(id) ?? 0) + 1);
      }
    }
    return reach;
  }

  /** Where a metric of a host is in each of its shapes that has it. */
  keysOf(host: WatchedHost, metric: string): CellKey[] {
    return [...host.shapes.keys()].flatMap((shape_id) => {
      const position = (this.#shapes.get(shape_id) ?? []).indexOf(metric) + 1;
      return position === 0 ? [] : [{ host_id: host.row.id, shape_id, position }];
    });
  }

  /** The host that stands for many. */
  fleet(): WatchedHost {
    let fleet = this.hosts.get(FLEET_HOST_ID);
    if (fleet === undefined) {
      const row = { id: FLEET_HOST_ID, hostname: "*", alias: null, location: null, tags: {} };
      this.hosts.set(FLEET_HOST_ID, fleet = new WatchedHost(row));
    }
    return fleet;
  }
}

function isSameHost(a: HostRow, b: HostRow): boolean {
  return a.hostname === b.hostname && a.alias === b.alias && a.location === b.location &&
    JSON.stringify(a.tags) === JSON.stringify(b.tags);
}
