/** Numbers that need more than the newest sample: changes, rates, forecasts, deviations. */
import { directed } from "./condition.ts";
import { TREND_POINTS_MAX, trendOf } from "./trend.ts";
import type { Entry } from "./selection.ts";
import type { WatchedHost } from "./watched_host.ts";
import { Window } from "./window.ts";

/** What is compared with the usual is the average of this long, as the rollups are. */
export const UNUSUAL_OVER_MS = 5 * 60_000;

export interface Derived {
  /** Undefined: it cannot be said yet. */
  value: number | undefined;
  /** A window whose past has not been read. */
  missing?: Window;
}

/** Adds a sample to the window of its series and derives what the rule compares. */
export function derive(
  host: WatchedHost,
  entry: Entry,
  { value, at_ms }: { value: number; at_ms: number },
): Derived {
  let window = host.windows.get(entry.slot);
  let missing: Window | undefined;
  if (window === undefined) {
    window = newWindow(entry);
    host.windows.set(entry.slot, window);
    missing = window;
  }
  window.push(at_ms, value);
  return { value: derivedOf(host, entry), missing };
}

/** What the rule compares, of the samples that are there; undefined when it cannot be said yet. */
export function derivedOf(host: WatchedHost, entry: Entry): number | undefined {
  const { rule } = entry.active;
  const window = host.windows.get(entry.slot);
  if (!window?.is_filled) return undefined;
  switch (rule.condition) {
    case "change": {
      const change = window.change();
      return change === undefined ? undefined : directed(rule, change);
    }
    case "rate":
      return window.rate();
    case "script_failed":
      return window.increase() ?? 0;
    case "unusual":
      return deviation(host, entry, window);
    default:
      return forecastOf(host, entry, window);
  }
}

function newWindow({ active: { rule } }: Entry): Window {
  if (rule.condition === "forecast") return new Window(rule.over_ms, 2 * TREND_POINTS_MAX);
  return new Window(rule.condition === "unusual" ? UNUSUAL_OVER_MS : rule.over_ms);
}

/** How many deviations from what is usual at this hour. */
function deviation(host: WatchedHost, entry: Entry, window: Window): number | undefined {
  const usual = host.baselines.get(entry.slot)?.baseline;
  const mean = window.mean();
  if (usual === undefined || mean === undefined) return undefined;
  return directed(entry.active.rule, (mean - usual.center) / usual.spread);
}

/** What the line through the window says of the end of `within`. */
function forecastOf(host: WatchedHost, entry: Entry, window: Window): number | undefined {
  const { over_ms, within_ms } = entry.active.rule;
  let known = host.trends.get(entry.slot);
  // one more point in the window bends the line; each sample in between does not
  if (known === undefined || window.newest_ms - known.at_ms >= over_ms / TREND_POINTS_MAX) {
    const { times_ms, values } = window.samples();
    known = { trend: trendOf(times_ms, values, over_ms), at_ms: window.newest_ms };
    host.trends.set(entry.slot, known);
  }
  return known.trend?.valueAt(window.newest_ms + within_ms);
}
