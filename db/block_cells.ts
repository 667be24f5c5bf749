/**
 * Questions about single metrics: slices of blocks, and what of the hot rows belongs to them.
 *
 * One statement a question, so that everything is seen in one moment: a report that is being merged
 * from a hot row into its block is in one of them or in both, never in neither.
 *
 * The rollups of a tier are right except where something finer has changed since: in the hours of
 * `pending_hour` and of hot rows, whose raw blocks come along, and in the days of these and of
 * `pending_day`, whose five-minute rollups do. The reader computes what is missing from them.
 */
import { newestStatement, type Numbers, spanStatement } from "./cell_statement.ts";
import type { Sql } from "./connect.ts";
import {
  askCopy,
  askPrepared,
  type CellSlice,
  type HotSamples,
  integersLiteral,
  numberLiteral,
  parseCells,
  parseHot,
  type Question,
  SOURCES,
} from "./slices.ts";
import { HOUR_MS, startOf, type Tier, TIER_NAMES, TIERS } from "./tiers.ts";

/** One metric of one host in one shape. */
export interface CellKey {
  host_id: number;
  shape_id: number;
  /** Of the metric in the shape, from 1. */
  position: number;
}

export interface CellRange {
  keys: readonly CellKey[];
  /** Milliseconds since 1970: from_ms <= t < before_ms. */
  from_ms: number;
  before_ms: number;
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal;
}

/** What there is of one key. Blocks are whole: they may hold times outside of the span. */
export interface KeySlices {
  /** Place in the question. */
  key: number;
  /** Hot samples, in no order. */
  times_ms: Float64Array;
  values: Float64Array;
  /** Raw blocks: of the whole span in tier raw, of changed hours in the others. */
  raw: CellSlice[];
  /** Five-minute rollups: of the whole span in tier 5m, of changed days in those above. */
  five_minutes: CellSlice[];
  /** Rollups of tiers 1h and 1d, of the whole span. */
  coarse: CellSlice[];
}

/** Up to so many keys a question is asked with a prepared statement. */
const PREPARED_KEYS_MAX = 16;

/**
 * Everything that is needed to know the keys' metrics in a span at a tier's resolution (see above),
 * key by key in the order of the question.
 */
export async function* selectCells(
  sql: Sql,
  tier: Tier,
  range: CellRange,
): AsyncGenerator<KeySlices> {
  const { keys } = range;
  const rows = keys.length <= PREPARED_KEYS_MAX
    ? await askPrepared(
      sql,
      { text: preparedText(tier), parameters: parametersOf(tier, range) },
      range.signal,
    )
    : askCopy(sql, copyText(tier, range), range.signal);
  const changed: Map<number, CellSlice[]>[] = SOURCES.map(() => new Map());
  let hot = new HotByKey(keys.length);
  let tier_has_begun = false;
  const changedOf = (source: Tier, key: number) => changed[SOURCES.indexOf(source)]?.get(key) ?? [];
  for await (const { source, key, bytes } of rows) {
    if (source === "hot") hot = new HotByKey(keys.length, parseHot(bytes));
    else if (source !== tier) {
      // the statement gives them first; a key that was given without them was given too early
      if (tier_has_begun) throw new Error("BUG: changed parts came after the tier itself");
      const cells = changed[SOURCES.indexOf(source)];
      cells?.set(key, [...cells.get(key) ?? [], ...parseCells(bytes)]);
    } else {
      tier_has_begun = true;
      const cells = parseCells(bytes);
      yield {
        key,
        ...hot.of(key),
        raw: tier === "raw" ? cells : changedOf("raw", key),
        five_minutes: tier === "5m" ? cells : changedOf("5m", key),
        coarse: tier === "raw" || tier === "5m" ? [] : cells,
      };
    }
  }
}

/** The tiers whose blocks are looked into, for a question about a tier. */
function tiersRead(tier: Tier): Tier[] {
  const finer = TIER_NAMES.slice(0, Math.min(TIER_NAMES.indexOf(tier), 2));
  return [...finer, tier];
}

function parametersOf(tier: Tier, { keys, from_ms, before_ms }: CellRange): Question["parameters"] {
  return [
    keys.map((key) => key.host_id),
    keys.map((key) => key.shape_id),
    keys.map((key) => key.position),
    from_ms,
    before_ms,
    ...tiersRead(tier).map((read) => startOf(TIERS[read].block, from_ms)),
  ];
}

const PLACES: Numbers = {
  host_ids: "$1",
  shape_ids: "$2",
  positions: "$3",
  from_ms: "$4",
  before_ms: "$5",
  first_ms: ["$6", "$7", "$8"],
};
const PREPARED_TEXTS = new Map(
  TIER_NAMES.map((tier) => [tier, spanStatement(tier, PLACES, { scan_reports: false })]),
);
const NEWEST_TEXT = newestStatement({ ...PLACES, samples_max: "$7", blocks_max: "$8" });

function preparedText(tier: Tier): string {
  return PREPARED_TEXTS.get(tier) ?? "";
}

function copyText(tier: Tier, range: CellRange): string {
  const { keys, from_ms, before_ms } = range;
  const pairs = new Set(keys.map((key) => `${key.host_id} ${key.shape_id}`));
  return spanStatement(tier, {
    host_ids: integersLiteral(keys.map((key) => key.host_id)),
    shape_ids: integersLiteral(keys.map((key) => key.shape_id)),
    positions: integersLiteral(keys.map((key) => key.position)),
    from_ms: numberLiteral(from_ms),
    before_ms: numberLiteral(before_ms),
    first_ms: tiersRead(tier).map((read) => numberLiteral(startOf(TIERS[read].block, from_ms))),
  }, { scan_reports: pairs.size === keys.length });
}

/** Hot samples put in the order of their keys. */
class HotByKey {
  readonly #ends: Int32Array;
  readonly #times_ms: Float64Array;
  readonly #values: Float64Array;

  constructor(keys: number, hot?: HotSamples) {
    const samples = hot?.keys.length ?? 0;
    this.#ends = new Int32Array(keys + 1);
    this.#times_ms = new Float64Array(samples);
    this.#values = new Float64Array(samples);
    if (hot === undefined) return;
    // `!`: keys come out of the question, and indexes are below the arrays' length
    for (const key of hot.keys) this.#ends[key + 1]!++;
    for (let key = 0; key < keys; key++) this.#ends[key + 1]! += this.#ends[key]!;
    const next = this.#ends.slice();
    for (let i = 0; i < samples; i++) {
      const place = next[hot.keys[i]!]!++;
      this.#times_ms[place] = hot.times_ms[i]!;
      this.#values[place] = hot.values[i]!;
    }
  }

  of(key: number): { times_ms: Float64Array; values: Float64Array } {
    const [start, end] = [this.#ends[key], this.#ends[key + 1]];
    return {
      times_ms: this.#times_ms.subarray(start, end),
      values: this.#values.subarray(start, end),
    };
  }
}

/** The newest samples of one series, newest first. */
export interface NewestRange extends CellRange {
  /** Of hot rows. */
  samples_max: number;
  /** Of blocks; more when several begin at the same time. */
  blocks_max: number;
}

export interface NewestSlices {
  times_ms: Float64Array;
  values: Float64Array;
  raw: CellSlice[];
  /** When the oldest of these blocks begins; undefined when there is none. */
  oldest_ms: number | undefined;
}

/**
 * The newest samples of one series: of hot rows and of raw blocks of one host. Neither has a hole
 * from its newest on.
 */
export async function selectNewestCells(sql: Sql, range: NewestRange): Promise<NewestSlices> {
  const found: NewestSlices = {
    times_ms: new Float64Array(),
    values: new Float64Array(),
    raw: [],
    oldest_ms: undefined,
  };
  const rows = await askPrepared(sql, {
    text: NEWEST_TEXT,
    parameters: [...parametersOf("raw", range), range.samples_max, range.blocks_max],
  }, range.signal);
  for (const { source, key, bytes } of rows) {
    if (source === "hot") Object.assign(found, parseHot(bytes));
    else if (bytes.length > 0) {
      // in this statement the key of the blocks is the hour of the oldest
      Object.assign(found, { raw: parseCells(bytes), oldest_ms: key * HOUR_MS });
    }
  }
  return found;
}
