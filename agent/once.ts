/** `monitor agent --once`: every collector runs once, and what it returned is for reading. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Series, SeriesValue } from "./collected.ts";
import { isIdle, loadCollectors } from "./collectors.ts";
import type { AgentConfig } from "./config.ts";
import { createHostMethods } from "./host.ts";
import { isolationOf } from "./isolation/settings.ts";
import type { Runner } from "./runner.ts";
import { Sandbox } from "./sandbox.ts";
import { sourceContext } from "./sources/source.ts";

/** A series and its value, as `--once --json` prints it. */
export interface CollectedSeries {
  metric: string;
  /** null: no value this time. */
  value: number | null;
  unit?: string;
  message?: string;
}

export interface CollectedOnce {
  hostname: string;
  /** Seconds since 1970. */
  timestamp: number;
  metrics: CollectedSeries[];
  /** Collectors that failed or may not run, and why. */
  failed: { script: string; message: string }[];
}

/** Runs all collectors of these settings once, side by side. Throws ScriptFolderError. */
export async function collectOnce(
  options: { config: AgentConfig; clock: Clock; log: Logger },
): Promise<CollectedOnce> {
  const { config, clock, log } = options;
  await using sandbox = new Sandbox({
    host: createHostMethods({ clock }),
    ...{ clock, log },
    isolation: isolationOf(config),
  });
  const { collectors, rejected } = await loadCollectors(config, {
    sandbox,
    sources: sourceContext(config, { clock, log }),
  });
  const at_ms = clock.now();
  const result: CollectedOnce = {
    hostname: config.hostname,
    timestamp: at_ms / 1000,
    metrics: [],
    failed: rejected.filter(({ state }) => !isIdle(state)).map(({ name, reason }) => ({
      script: name,
      message: reason,
    })),
  };
  const asked = collectors.filter(({ listens }) => !listens);
  await Promise.all(asked.map(async (collector) => {
    await using runner = collector.runner;
    const { name, timeout_ms } = collector;
    const outcome = await runner.collect({ at_ms, timeout_ms });
    if (outcome.kind !== "done") {
      result.failed.push({ script: name, message: outcome.message });
      return;
    }
    result.metrics.push(...shownSeries(outcome.series, runner));
  }));
  result.metrics.sort((a, b) => a.metric < b.metric ? -1 : 1);
  return result;
}

/** Series for reading, sorted by name. */
export function shownSeries(series: Series, runner: Pick<Runner, "metadata">): CollectedSeries[] {
  return [...series].map(([metric, value]) => {
    const { unit } = runner.metadata(metric) ?? {};
    return { metric, ...shownValue(value), ...(unit ? { unit } : {}) };
  }).sort((a, b) => a.metric < b.metric ? -1 : 1);
}

function shownValue(value: SeriesValue): { value: number | null; message?: string } {
  if (typeof value !== "object" || value === null) {
    return { value: value === null ? null : Number(value) };
  }
  const { value: inner, message } = value;
  const number = typeof inner === "number" || typeof inner === "boolean" ? Number(inner) : null;
  const text = typeof inner === "string" ? [inner, message].filter(Boolean).join(": ") : message;
  return { value: number, ...(text ? { message: text } : {}) };
}

/** Digits grouped with thin gaps would not paste; so numbers stay as they are, right-aligned. */
export function onceTable(result: Pick<CollectedOnce, "metrics">): string {
  const rows = result.metrics.map(({ metric, value, unit = "", message = "" }) => ({
    metric,
    value: value === null ? "-" : String(value),
    after: [unit, message].filter(Boolean).join("  "),
  }));
  const name_width = Math.max(6, ...rows.map(({ metric }) => metric.length));
  const value_width = Math.max(5, ...rows.map(({ value }) => value.length));
  return rows.map(({ metric, value, after }) =>
    `${metric.padEnd(name_width)}  ${value.padStart(value_width)}  ${after}`.trimEnd() + "\n"
  ).join("");
}
