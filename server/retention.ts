/**
 * How long what is kept: days for each tier, and rules that give some metrics other days. Pure.
 *
 * A block holds all metrics of a shape, and retention removes blocks, not cells. So the metrics that a
 * rule is about are kept in shapes of their own: ingest divides a report into one part for each class
 * of metrics (class 0 is what no rule is about), all with the report's time. A shape then belongs to
 * one class. Only shapes from before a rule was written have metrics of several: they are kept as
 * long as the longest of them, tier by tier.
 */
import { DAY_MS, type Tier } from "../db/tiers.ts";
import { matchesGlob } from "./wire/glob.ts";

/** Days each tier is kept; null is for ever. */
export interface TierDays {
  raw_days: number;
  five_minutes_days: number;
  one_hour_days: number;
  one_day_days: number | null;
}

/** Other days for the metrics that one of the patterns matches; what it does not say is as usual. */
export interface RetentionRule extends Partial<TierDays> {
  metrics: readonly string[];
}

export interface Retention extends TierDays {
  /** The first rule that matches a metric counts. */
  rules?: readonly RetentionRule[];
}

/** Names whose class is remembered; beyond, patterns are matched again. */
const NAMES_MAX = 100_000;

/** The days of a rule, completed by the usual ones. */
export function ruleDays(usual: TierDays, rule: RetentionRule): TierDays {
  const { raw_days, five_minutes_days, one_hour_days, one_day_days } = usual;
  return {
    raw_days: rule.raw_days ?? raw_days,
    five_minutes_days: rule.five_minutes_days ?? five_minutes_days,
    one_hour_days: rule.one_hour_days ?? one_hour_days,
    // null says something: for ever
    one_day_days: rule.one_day_days === undefined ? one_day_days : rule.one_day_days,
  };
}

/** Of each tier the longer, or the shorter, of two. */
function joinDays(a: TierDays, b: TierDays, which: "longest" | "shortest"): TierDays {
  const choose = which === "longest" ? Math.max : Math.min;
  const forever = choose(a.one_day_days ?? Infinity, b.one_day_days ?? Infinity);
  return {
    raw_days: choose(a.raw_days, b.raw_days),
    five_minutes_days: choose(a.five_minutes_days, b.five_minutes_days),
    one_hour_days: choose(a.one_hour_days, b.one_hour_days),
    one_day_days: forever === Infinity ? null : forever,
  };
}

/** How long each tier is kept, in milliseconds; Infinity for ever. */
export function keptMs(days: TierDays): Record<Tier, number> {
  return {
    raw: days.raw_days * DAY_MS,
    "5m": days.five_minutes_days * DAY_MS,
    "1h": days.one_hour_days * DAY_MS,
    "1d": (days.one_day_days ?? Infinity) * DAY_MS,
  };
}

export class RetentionClasses {
  readonly #rules: readonly RetentionRule[];
  readonly #days: readonly TierDays[];
  readonly #known = new Map<string, number>();

  constructor(retention: Retention) {
    this.#rules = retention.rules ?? [];
    this.#days = [retention, ...this.#rules.map((rule) => ruleDays(retention, rule))];
  }

  /** Whether there is more than one class. */
  get divided(): boolean {
    return this.#rules.length > 0;
  }

  /** 0 when no rule is about this metric, else the place of its rule, from 1. */
  classOf(metric: string): number {
    if (!this.divided) return 0;
    const known = this.#known.get(metric);
    if (known !== undefined) return known;
    const found = this.#rules.findIndex(({ metrics }) =>
      metrics.some((pattern) => matchesGlob(pattern, metric))
    );
    if (this.#known.size >= NAMES_MAX) this.#known.clear();
    this.#known.set(metric, found + 1);
    return found + 1;
  }

  /** How long a shape of these metrics is kept: as long as the longest of them. */
  longest(metrics: readonly string[]): TierDays {
    return this.#join(metrics, "longest");
  }

  /** For how long all of these metrics are there: a reader sees no hole. */
  shortest(metrics: readonly string[]): TierDays {
    return this.#join(metrics, "shortest");
  }

  #join(metrics: readonly string[], which: "longest" | "shortest"): TierDays {
    const classes = new Set(metrics.map((metric) => this.classOf(metric)));
    const [first, ...others] = [...classes].map((one) => this.#days[one] ?? this.#usual);
    return others.reduce((joined, days) => joinDays(joined, days, which), first ?? this.#usual);
  }

  get #usual(): TierDays {
    // `!`: the constructor puts it there
    return this.#days[0]!;
  }
}
