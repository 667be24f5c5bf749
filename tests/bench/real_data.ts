/**
 * The real scrapes of tests/testdata/node.jsonl.gz as reports of one shape: the 812 series that are in
 * all 480 of them. They were taken a second apart and are read as ten seconds apart, as the product
 * would have taken them; true data of every ten seconds changes more per step.
 *
 * `!` after an index: loops run over the arrays' own lengths.
 */
import { gunzipSync } from "node:zlib";
import { findDecimal } from "../../db/codec/decimal.ts";
import type { Reports } from "../../db/codec/reports.ts";
import type { RollupKind } from "../../db/codec/rollup.ts";
import { scaleOf } from "../../db/codec/scale.ts";

/** How far apart the scrapes are taken to be. */
export const SPACING_MS = 10_000;

const FILE = new URL("../testdata/node.jsonl.gz", import.meta.url);

export interface RealData {
  names: string[];
  kinds: RollupKind[];
  reports: Reports;
}

/**
 * The scrapes, `repeats` times one after the other. Counters go on where the repetition before ended;
 * everything else begins anew.
 */
export async function readRealData(options: { repeats?: number } = {}): Promise<RealData> {
  const text = new TextDecoder().decode(gunzipSync(await Deno.readFile(FILE)));
  const scrapes = text.trim().split("\n").map((line): { m: Record<string, number> } =>
    JSON.parse(line)
  );
  const names = Object.keys(scrapes[0]!.m).filter((name) =>
    scrapes.every(({ m }) => m[name] !== undefined)
  );
  const kinds = names.map((name): RollupKind => {
    const isTotal = /(_total|_count|_sum|_bucket)(\{|$)/.test(name);
    const values = scrapes.map(({ m }) => m[name]!);
    return isTotal && values.every((value, i) => i === 0 || value >= values[i - 1]!)
      ? "counter"
      : "gauge";
  });
  const repeats = options.repeats ?? 1;
  const rows = scrapes.length * repeats;
  const columns = names.map((name, i) => {
    const values = Float64Array.from(scrapes, ({ m }) => m[name]!);
    return repeated(values, { repeats, kind: kinds[i]! });
  });
  // an hour that is a multiple of every bucket up to a day
  const start_ms = Date.UTC(2026, 10, 22);
  const times_ms = Float64Array.from({ length: rows }, (_, row) => start_ms + row * SPACING_MS);
  return { names, kinds, reports: { times_ms, columns } };
}

function repeated(
  values: Float64Array,
  { repeats, kind }: { repeats: number; kind: RollupKind },
): Float64Array {
  const result = new Float64Array(values.length * repeats);
  const decimal = kind === "counter" ? findDecimal(values) : undefined;
  const integers = decimal?.mantissas ?? values;
  const valueOf = decimal === undefined ? (value: number) => value : scaleOf(decimal.scale);
  const growth = kind === "counter" ? integers.at(-1)! - integers[0]! : 0;
  for (let row = 0; row < result.length; row++) {
    const repetition = Math.floor(row / values.length);
    result[row] = valueOf(integers[row % values.length]! + growth * repetition);
  }
  return result;
}

/** The reports from one row to before another. */
export function sliceReports({ times_ms, columns }: Reports, start: number, end: number): Reports {
  return {
    times_ms: times_ms.slice(start, end),
    columns: columns.map((column) => column.slice(start, end)),
  };
}
