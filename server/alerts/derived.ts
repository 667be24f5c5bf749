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
  { value, now_ms }: { value: number; now_ms: number },
): Derived {
  const { rule } = entry.active;
  let window = host.windows.get(entry.slot);
  let missing: Window | undefined;
  if (window === undefined) {
    window = newWindow(entry);
    host.windows.set(entry.slot, window);
    missing = window;
  }
  const before_ms = window.newest_ms;
  window.push(now_ms, value);
  if (!window.is_filled) return { value: undefined, missing };
  switch (rule.condition) {
    case "change": {
      const change = window.change();
      return { value: change === undefined ? undefined : directed(rule, change), missing };
    }
    case "rate":
      return { value: window.rate(), missing };
    case "script_failed":
      return { value: window.increase() ?? 0, missing };
    case "unusual":
      return { value: deviation(host, entry, window), missing };
    default:
      return { value: forecastOf(entry, window, { now_ms, before_ms }), missing };
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
function forecastOf(
  { active: { rule } }: Entry,
  window: Window,
  { now_ms }: { now_ms: number; before_ms: number },
): number | undefined {
  const { times_ms, values } = window.samples();
  return trendOf(times_ms, values, rule.over_ms)?.valueAt(now_ms + rule.within_ms);
}
