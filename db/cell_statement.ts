/**
 * The statements of block_cells.ts, put together from constant texts, once for each way their numbers
 * get in: as parameters, or written out (slices.ts says why).
 *
 * `offset 0` keeps each search what it is, one for each key by index: joined in one piece, an estimate
 * gone wrong makes PostgreSQL read a partition from end to end. Hot rows are the exception: they are
 * few, and those of all hosts are read fastest from end to end, when the planner knows how many
 * keys there are.
 */
import { SOURCES } from "./slices.ts";
import { type Tier, TIERS } from "./tiers.ts";

/** What stands in a statement for its numbers: `$1`, or a literal. */
export interface Numbers {
  /** Three arrays of one length. */
  host_ids: string;
  shape_ids: string;
  positions: string;
  /** Milliseconds since 1970: from_ms <= t < before_ms. */
  from_ms: string;
  before_ms: string;
  /** When the first block with something of this begins, of raw, of 5m and of a coarser tier. */
  first_ms: readonly string[];
}

/** Everything of a span at a tier's resolution: what has changed first, then the tier itself. */
export function spanStatement(
  tier: Tier,
  numbers: Numbers,
  options: { scan_reports: boolean },
): string {
  const parts = [hotRecords()];
  if (tier !== "raw") parts.push(changedCells("hours", "raw", numbers));
  if (tier === "1h" || tier === "1d") parts.push(changedCells("days", "5m", numbers));
  parts.push(allCells(tier, numbers));
  return `
    with ${wanted(numbers)},
    hot as materialized (${options.scan_reports ? scannedReports(numbers) : foundReports(numbers)})
    ${tier === "raw" ? "" : changes(tier, numbers)}
    ${parts.join("\nunion all\n")}`;
}

/**
 * The newest of one series: hot samples, and raw blocks whose key is the hour of the oldest of them,
 * since 1970.
 */
export function newestStatement(
  numbers: Numbers & { samples_max: string; blocks_max: string },
): string {
  const host_id = `(${numbers.host_ids}::integer[])[1]`;
  return `
    with ${wanted(numbers)},
    hot as (
      select w.n, r.at, r.vals[w.position] as value
      from (
        select at, shape_id, vals from report
        where host_id = ${host_id} and ${isHot(numbers)}
          and shape_id in (select shape_id from wanted)
        order by at desc
        limit ${numbers.samples_max}::bigint
      ) r
      join wanted w on w.shape_id = r.shape_id
    ), blocks as (
      select shape_id, start, head, offsets, data from block_raw
      where host_id = ${host_id} and ${isIn("raw", numbers)}
        and shape_id in (select shape_id from wanted)
      order by start desc
      fetch first (${numbers.blocks_max}::bigint) rows with ties
    )
    ${hotRecords()}
    union all
    select ${placeOf("raw")}, (extract(epoch from min(b.start)) / 3600)::integer, ${CELLS}
    from (
      select start, head, data, ${SINCE} as since, ${TILL} as till
      from wanted w join blocks using (shape_id)
      offset 0
    ) b`;
}

/** Word `index` of a block's `offsets`, whose width is byte 2 of `head` (db/codec/block.ts). */
function offsetWord(index: string): string {
  const byte = (width: number, i: number) => `get_byte(offsets, ${width} * (${index}) + ${i})`;
  // << and | are of one rank, from left to right: ((b0 << 8) | b1) << 8 | b2
  return `
    case get_byte(head, 2)
      when 2 then ${byte(2, 0)} << 8 | ${byte(2, 1)}
      when 3 then ${byte(3, 0)} << 8 | ${byte(3, 1)} << 8 | ${byte(3, 2)}
      else ${byte(4, 0)} << 8 | ${byte(4, 1)} << 8 | ${byte(4, 2)} << 8 | ${byte(4, 3)}
    end`;
}

/** Of a block the bytes from which, and to before which, the cell of key `w` is. */
const SINCE = offsetWord("w.position - 1");
const TILL = offsetWord("w.position");

/** The cells of all blocks `b`, as slices.ts has them. */
const CELLS = `
  string_agg(
    int4send(length(b.head)) || int4send(b.till - b.since) || b.head
      || substring(b.data from b.since + 1 for b.till - b.since), '')`;

function placeOf(tier: Tier): number {
  return SOURCES.indexOf(tier);
}

function timestamp(ms: string): string {
  return `(timestamptz 'epoch' + ${ms}::float8 * interval '1 millisecond')`;
}

/** Hot rows of the span. */
function isHot({ from_ms, before_ms }: Numbers): string {
  return `at >= ${timestamp(from_ms)} and at < ${timestamp(before_ms)}`;
}

/** Blocks that may hold something of the span. */
function isIn(tier: Tier, { first_ms, before_ms }: Numbers): string {
  const first = first_ms[Math.min(placeOf(tier) - 1, 2)] ?? "0";
  return `start >= ${timestamp(first)} and start < ${timestamp(before_ms)}`;
}

function wanted({ host_ids, shape_ids, positions }: Numbers): string {
  return `wanted as materialized (
    select (n - 1)::integer as n, host_id, shape_id, position
    from unnest(${host_ids}::integer[], ${shape_ids}::integer[], ${positions}::integer[])
      with ordinality as w (host_id, shape_id, position, n)
  )`;
}

/** Hot samples, key by key. */
function foundReports(numbers: Numbers): string {
  return `
    select w.n, r.at, r.value
    from wanted w
    cross join lateral (
      select at, vals[w.position] as value from report
      where host_id = w.host_id and shape_id = w.shape_id and ${isHot(numbers)}
      offset 0
    ) r`;
}

/** The same in one go. No host and shape may be wanted twice. */
function scannedReports(numbers: Numbers): string {
  // grouped, as the planner then knows that there is one row a host: it would rather hash the reports
  return `
    select
      h.ns[array_position(h.shape_ids, r.shape_id)] as n, r.at,
      r.vals[h.positions[array_position(h.shape_ids, r.shape_id)]] as value
    from (
      select
        host_id, array_agg(shape_id) as shape_ids, array_agg(n) as ns,
        array_agg(position) as positions
      from wanted
      group by host_id
    ) h
    join report r on r.host_id = h.host_id
    where ${isHot(numbers)} and r.shape_id = any(h.shape_ids)`;
}

/** Which hours, and which days, have to be made from something finer. */
function changes(tier: Tier, numbers: Numbers): string {
  const pending = (table: "pending_hour" | "pending_day", unit: Tier) => `
    select w.n, p.start
    from ${table} p
    join wanted w on w.host_id = p.host_id and w.shape_id = p.shape_id
    where ${isIn(unit, numbers)}`;
  const hours = `, hours as materialized (
    select n, date_bin(interval '1 hour', at, timestamptz 'epoch') as start from hot
    union
    ${pending("pending_hour", "raw")}
  )`;
  if (tier === "5m") return hours;
  return `${hours}, days as materialized (
    select n, date_bin(interval '1 day', start, timestamptz 'epoch') as start from hours
    union
    ${pending("pending_day", "5m")}
  )`;
}

function hotRecords(): string {
  return `
    select 0, 0, string_agg(int4send(n) || timestamptz_send(at) || float8send(value), '')
    from hot`;
}

/** A row for each key: its cells in the blocks of a tier. */
function allCells(tier: Tier, numbers: Numbers): string {
  return `
    select ${placeOf(tier)}, w.n, ${cellsWhere(tier, isIn(tier, numbers))}
    from wanted w`;
}

/** A row for each key and changed span: its cell in the finer block of that span. */
function changedCells(spans: "hours" | "days", finer: Tier, numbers: Numbers): string {
  return `
    select ${placeOf(finer)}, w.n, ${
    cellsWhere(finer, `start = s.start and ${isIn(finer, numbers)}`)
  }
    from ${spans} s
    join wanted w on w.n = s.n`;
}

function cellsWhere(tier: Tier, condition: string): string {
  return `(
    select ${CELLS}
    from (
      select head, data, ${SINCE} as since, ${TILL} as till
      from ${TIERS[tier].table}
      where host_id = w.host_id and shape_id = w.shape_id and ${condition}
      offset 0
    ) b
  )`;
}
