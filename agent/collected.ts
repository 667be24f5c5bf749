/**
 * What a script returned becomes series of a report, or a sentence for its author. The tree is made
 * flat here, since only flat names can say both `cpu_usage` and `cpu_usage.user`; and it is checked
 * with the very function the server will use, so that one script's slip never has a whole report
 * refused. A result is taken or refused as one.
 */
import { type MetricLeaf, METRICS_DEPTH_MAX, parseReport } from "../report.ts";

/** One series' value in a report. */
export type SeriesValue = number | boolean | null | MetricLeaf;
export type Series = ReadonlyMap<string, SeriesValue>;

/** Faults named in one error; the rest is counted. */
const FAULTS_SHOWN = 3;

/** Checks time stamps of leaves loosely: what is too old or new is the server's to say. */
const ANY_TIME = { future_ms_max: Number.MAX_SAFE_INTEGER, past_ms_max: Number.MAX_SAFE_INTEGER };

/**
 * Series of script `name` from the JSON it returned. `at_ms` is the report's time.
 * The empty key stands for the script's own name.
 */
export function readCollected(
  json: string,
  options: { name: string; at_ms: number },
): { series: Series } | { fault: string } {
  const series = new Map<string, SeriesValue>();
  const faults: string[] = [];
  flatten(JSON.parse(json), { path: options.name, depth: 0, series, faults });
  // Not a literal object: a script may call a series "__proto__".
  const metrics = Object.fromEntries(series);
  if (series.size > 0 && faults.length === 0) {
    const checked = parseReport({ hostname: "this", metrics }, {
      path: "",
      now_ms: options.at_ms,
      limits: ANY_TIME,
    });
    for (const { path, message } of checked.faults) {
      faults.push(`${path.replace(/^metrics(\.|(?=\[))/, "")} ${message}`);
    }
  }
  if (faults.length === 0) return { series };
  const more = faults.length > FAULTS_SHOWN ? ` (and ${faults.length - FAULTS_SHOWN} more)` : "";
  return {
    fault: `returned what cannot be sent: ${faults.slice(0, FAULTS_SHOWN).join("; ")}${more}`,
  };
}

function flatten(
  value: unknown,
  node: { path: string; depth: number; series: Map<string, SeriesValue>; faults: string[] },
): void {
  const { path, depth, series, faults } = node;
  if (series.has(path)) {
    faults.push(`${path} is given twice`);
    return;
  }
  if (isBranch(value)) {
    if (depth >= METRICS_DEPTH_MAX) {
      faults.push(`${path} must be nested at most ${METRICS_DEPTH_MAX} deep`);
      return;
    }
    for (const [key, child] of Object.entries(value)) {
      flatten(child, { ...node, depth: depth + 1, path: key === "" ? path : `${path}.${key}` });
    }
    return;
  }
  // Anything else is a leaf, good or bad: parseReport() says which.
  series.set(path, value as SeriesValue);
}

/** A leaf object has a `value` that is not itself a branch; the same rule as in report.ts. */
function isBranch(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  if (!("value" in value)) return true;
  const inner = value.value;
  return typeof inner === "object" && inner !== null && !Array.isArray(inner);
}
