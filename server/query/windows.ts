/**
 * The past of many series at once, as plain samples or as averages of five minutes: what alerts need
 * before they can speak of changes and habits.
 */
import { setImmediate } from "node:timers/promises";
import { type CellKey, type KeySlices, selectCells } from "../../db/block_cells.ts";
import type { Sql } from "../../db/connect.ts";
import { TIERS } from "../../db/tiers.ts";
import { Grid } from "./grid.ts";
import { fillGrid, samplesOf } from "./rows.ts";
import type { Samples } from "./samples.ts";

export interface WindowRange {
  /** Milliseconds since 1970: from_ms <= t < before_ms. */
  from_ms: number;
  before_ms: number;
  tier: "raw" | "5m";
  /** Of tier 5m. */
  pick?: Pick;
}

/** What five minutes are taken for: their average, unless somebody asks for the extremes. */
export type Pick = "average" | "min" | "max" | "last";

/** Series between two looks at what else there is to do. */
const SERIES_A_TURN = 32;
/** Keys in one statement. */
const KEYS_MAX = 10_000;

/**
 * Calls `found` for each series, in order, with its samples; oldest first. A series has the keys of
 * all shapes its metric is in.
 */
export async function readWindows(
  sql: Sql,
  series: readonly (readonly CellKey[])[],
  options: WindowRange & { found: (index: number, samples: Samples) => void },
): Promise<void> {
  for (let first = 0; first < series.length;) {
    const part: { index: number; key: CellKey }[] = [];
    let next = first;
    while (next < series.length && part.length < KEYS_MAX) {
      part.push(...(series[next] ?? []).map((key) => ({ index: next, key })));
      next++;
    }
    if (part.length > 0) await readPart(sql, part, options);
    first = next;
  }
}

async function readPart(
  sql: Sql,
  part: readonly { index: number; key: CellKey }[],
  options: WindowRange & { found: (index: number, samples: Samples) => void },
): Promise<void> {
  const { tier, from_ms, before_ms, pick = "average", found } = options;
  const range = { keys: part.map(({ key }) => key), from_ms, before_ms };
  let slices: KeySlices[] = [];
  let done = 0;
  for await (const slice of selectCells(sql, tier, range)) {
    slices.push(slice);
    const index = part[slice.key]?.index ?? 0;
    if (part[slice.key + 1]?.index === index) continue;
    found(
      index,
      tier === "raw" ? samplesOf(slices, from_ms, before_ms) : picked(slices, { ...range, pick }),
    );
    slices = [];
    if (++done % SERIES_A_TURN === 0) await setImmediate();
  }
}

/** One sample in the middle of each five minutes. */
function picked(
  slices: readonly KeySlices[],
  { from_ms, before_ms, pick }: { from_ms: number; before_ms: number; pick: Pick },
): Samples {
  const step_ms = TIERS["5m"].bucket_ms ?? 300_000;
  const start_ms = Math.ceil(from_ms / step_ms) * step_ms;
  const steps = Math.max(0, Math.floor((before_ms - start_ms) / step_ms));
  const detail = pick === "average" ? "average" : pick === "last" ? "all" : "extremes";
  const grid = new Grid(start_ms, step_ms, steps, detail);
  fillGrid(grid, "5m", slices);
  const there = Array.from(grid.count.keys()).filter((step) => (grid.count[step] ?? 0) > 0);
  return {
    times_ms: Float64Array.from(there, (step) => grid.startOf(step) + step_ms / 2),
    values: Float64Array.from(
      there,
      (step) =>
        pick === "average"
          ? (grid.sum[step] ?? 0) / (grid.count[step] ?? 1)
          : grid[pick][step] ?? 0,
    ),
  };
}
