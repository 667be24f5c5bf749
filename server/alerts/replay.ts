/**
 * One rule on the past of one host: the evaluator as it is in the server, told of samples as if they
 * came now. No I/O. What is pure data there is an array here.
 */
import type { HostRow } from "../../db/hosts.ts";
import type { Samples } from "../query/samples.ts";
import { Evaluator } from "./evaluator.ts";
import type { ActiveRule } from "./selection.ts";
import { baselineOf } from "./trend.ts";

const HOUR_MS = 3_600_000;
const WEEK_HOURS = 168;
/** The first look into a gap; each next one is half as long again after it. */
const GAP_LOOK_MS = 30_000;

export interface Fired {
  host: string;
  metric: string;
  severity: string;
  summary: string;
  opened_ms: number;
  /** Null: it still fires at the end. */
  resolved_ms: number | null;
}

export interface PastSeries {
  metric: string;
  samples: Samples;
}

/** When the rule would have fired; `from_ms` is when somebody begins to look. */
export function replay(
  rule: ActiveRule,
  past: { host: HostRow; series: readonly PastSeries[] },
  { from_ms, to_ms }: { from_ms: number; to_ms: number },
): Fired[] {
  return new Replay(rule, past, from_ms).run(to_ms);
}

class Replay {
  readonly #evaluator: Evaluator;
  readonly #series: readonly PastSeries[];
  readonly #from_ms: number;
  readonly #host: HostRow;
  readonly #rule: ActiveRule;
  readonly #fired = new Map<string, Fired>();
  /** Of what is compared with its habits: values by series and hour. */
  readonly #hours: Map<number, number[]>[];
  #habit_hour = -1;

  constructor(
    rule: ActiveRule,
    { host, series }: { host: HostRow; series: readonly PastSeries[] },
    from_ms: number,
  ) {
    this.#rule = rule;
    this.#host = host;
    this.#series = series;
    this.#from_ms = from_ms;
    this.#evaluator = new Evaluator(from_ms);
    this.#evaluator.setHosts([host], from_ms);
    const shapes = new Map(series.map(({ metric }, shape_id) => [shape_id, [metric]]));
    this.#evaluator.setShapes(shapes, new Map());
    this.#evaluator.setRules([rule], { now_ms: from_ms });
    this.#hours = rule.rule.condition === "unusual" ? series.map(byHour) : [];
  }

  run(to_ms: number): Fired[] {
    const next = new Uint32Array(this.#series.length);
    let last_ms = this.#from_ms;
    for (;;) {
      const at_ms = this.#nextTime(next);
      if (at_ms > to_ms) break;
      if (at_ms >= this.#from_ms) this.#gap(last_ms, at_ms);
      this.#series.forEach(({ samples: { times_ms, values } }, shape_id) => {
        const place = next[shape_id] ?? 0;
        if (times_ms[place] !== at_ms) return;
        next[shape_id] = place + 1;
        if (at_ms >= this.#from_ms) this.#sample(shape_id, at_ms, values[place] ?? 0);
      });
      if (at_ms < this.#from_ms) continue;
      this.#look(at_ms);
      last_ms = at_ms;
    }
    this.#gap(last_ms, to_ms);
    this.#look(to_ms);
    return [...this.#fired.values()];
  }

  #nextTime(next: Uint32Array): number {
    let at_ms = Infinity;
    this.#series.forEach(({ samples }, series) => {
      at_ms = Math.min(at_ms, samples.times_ms[next[series] ?? 0] ?? Infinity);
    });
    return at_ms;
  }

  #sample(shape_id: number, at_ms: number, value: number): void {
    this.#learn(at_ms);
    this.#evaluator.observe({ host_id: this.#host.id, shape_id, at_ms, value: () => value }, at_ms);
    for (const missing of this.#evaluator.takeMissing()) this.#evaluator.fill(missing, [], []);
  }

  /** Time without samples: durations and silence go on. */
  #gap(from_ms: number, to_ms: number): void {
    let step_ms = GAP_LOOK_MS;
    for (let at_ms = from_ms + step_ms; at_ms < to_ms; at_ms += step_ms) {
      this.#look(at_ms);
      step_ms *= 1.5;
    }
  }

  #look(now_ms: number): void {
    this.#evaluator.tick(now_ms);
    if (!this.#evaluator.hasChanges) return;
    const { opened, changed } = this.#evaluator.takeChanges(now_ms);
    for (const { key, hostname, metric, severity, summary, opened_at_ms } of opened) {
      this.#fired.set(key, {
        host: hostname,
        metric,
        severity,
        summary,
        opened_ms: opened_at_ms,
        resolved_ms: null,
      });
    }
    for (const { key, resolved_at_ms, severity } of changed) {
      const fired = this.#fired.get(key);
      if (fired === undefined) continue;
      if (resolved_at_ms !== undefined) fired.resolved_ms = resolved_at_ms;
      if (severity === "critical") fired.severity = severity;
    }
  }

  /** At each hour: what was usual at this hour of the weeks before. */
  #learn(now_ms: number): void {
    const hour = Math.floor(now_ms / HOUR_MS);
    if (hour === this.#habit_hour || this.#hours.length === 0) return;
    this.#habit_hour = hour;
    const host = this.#evaluator.hosts.get(this.#host.id);
    if (host === undefined) return;
    const { weeks } = this.#rule.rule;
    this.#series.forEach((_, shape_id) => {
      const values: number[] = [];
      for (let week = 1; week <= weeks; week++) {
        values.push(...this.#hours[shape_id]?.get(hour - week * WEEK_HOURS) ?? []);
      }
      const baseline = baselineOf(values);
      for (const { slot } of host.shapes.get(shape_id)?.plan.windows ?? []) {
        host.baselines.set(slot, { baseline, until_ms: Infinity });
      }
    });
  }
}

function byHour({ samples: { times_ms, values } }: PastSeries): Map<number, number[]> {
  const hours = new Map<number, number[]>();
  times_ms.forEach((at_ms, i) => {
    const hour = Math.floor(at_ms / HOUR_MS);
    const own = hours.get(hour);
    if (own === undefined) hours.set(hour, [values[i] ?? 0]);
    else own.push(values[i] ?? 0);
  });
  return hours;
}
