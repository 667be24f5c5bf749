/**
 * The statements of block_cells.ts, put together from parts.
 *
 * `offset 0` keeps each search what it is, one for each key by index: joined in one piece, an estimate
 * gone wrong makes PostgreSQL read a partition from end to end. Hot rows are the exception: they are
 * few, and those of all hosts are read fastest from end to end, when the planner knows how many
 * keys there are.
 */
import type { CellRange } from "./block_cells.ts";
import type { Sql } from "./connect.ts";
import { type Fragment, SOURCES, type Writer } from "./slices.ts";
import { startOf, type Tier, TIERS } from "./tiers.ts";

export class CellStatement {
  readonly #sql: Sql;
  readonly #write: Writer;
  readonly #range: CellRange;

  constructor(sql: Sql, write: Writer, range: CellRange) {
    this.#sql = sql;
    this.#write = write;
    this.#range = range;
  }

  /** Everything of a span: changed parts first, then the tier itself. */
  of(tier: Tier): Fragment {
    const sql = this.#sql;
    const hours = tier === "raw" ? sql`` : sql`union all ${this.#cellsOfChanged("hours", "raw")}`;
    const isCoarse = tier === "1h" || tier === "1d";
    const days = isCoarse ? sql`union all ${this.#cellsOfChanged("days", "5m")}` : sql``;
    return sql`
      with ${this.#wanted()}, hot as materialized (${this.#hot()})
      ${tier === "raw" ? sql`` : this.#changes(tier)}
      ${this.#hotRecords()}
      ${hours}
      ${days}
      union all ${this.#cellsOf(tier)}`;
  }

  /** The newest of one series; the key of its blocks is the hour of the oldest, since 1970. */
  newest({ samples_max, blocks_max }: { samples_max: number; blocks_max: number }): Fragment {
    const sql = this.#sql;
    const host_id = sql`${this.#write.number(this.#range.keys[0]?.host_id ?? 0)}::integer`;
    return sql`
      with ${this.#wanted()}, hot as (
        select w.n, r.at, r.vals[w.position] as value
        from (
          select at, shape_id, vals from report
          where host_id = ${host_id} and ${this.#isHot()}
            and shape_id in (select shape_id from wanted)
          order by at desc
          limit ${this.#write.number(samples_max)}::bigint
        ) r
        join wanted w on w.shape_id = r.shape_id
      ), blocks as (
        select shape_id, start, head, offsets, data from block_raw
        where host_id = ${host_id} and ${this.#isIn("raw")}
          and shape_id in (select shape_id from wanted)
        order by start desc
        fetch first (${this.#write.number(blocks_max)}::bigint) rows with ties
      )
      ${this.#hotRecords()}
      union all
      select
        ${this.#place("raw")}, (extract(epoch from min(b.start)) / 3600)::integer,
        string_agg(${this.#cell()}, '')
      from (
        select start, head, data, ${this.#offset(sql`w.position - 1`)} as since,
          ${this.#offset(sql`w.position`)} as till
        from wanted w join blocks using (shape_id)
        offset 0
      ) b`;
  }

  #wanted(): Fragment {
    const [write, { keys }] = [this.#write, this.#range];
    return this.#sql`wanted as materialized (
      select (n - 1)::integer as n, host_id, shape_id, position
      from unnest(
        ${write.integers(keys.map((key) => key.host_id))},
        ${write.integers(keys.map((key) => key.shape_id))},
        ${write.integers(keys.map((key) => key.position))}
      ) with ordinality as w (host_id, shape_id, position, n)
    )`;
  }

  #hot(): Fragment {
    const sql = this.#sql;
    if (this.#write.prepared || !this.#isOneMetric()) {
      return sql`
        select w.n, r.at, r.value
        from wanted w
        cross join lateral (
          select at, vals[w.position] as value from report
          where host_id = w.host_id and shape_id = w.shape_id and ${this.#isHot()}
          offset 0
        ) r`;
    }
    // grouped, as the planner then knows that there is one row a host: it would rather hash the reports
    return sql`
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
      where ${this.#isHot()} and r.shape_id = any(h.shape_ids)`;
  }

  /** Whether no host and shape are asked for more than one position. */
  #isOneMetric(): boolean {
    const { keys } = this.#range;
    return new Set(keys.map((key) => `${key.host_id} ${key.shape_id}`)).size === keys.length;
  }

  /** Which hours, and which days, have to be made from something finer. */
  #changes(tier: Tier): Fragment {
    const sql = this.#sql;
    const pending = (table: "pending_hour" | "pending_day", unit: Tier) =>
      sql`
      select w.n, p.start
      from ${sql(table)} p
      join wanted w on w.host_id = p.host_id and w.shape_id = p.shape_id
      where ${this.#isIn(unit)}`;
    const start = (span: "1 hour" | "1 day", at: Fragment) =>
      sql`date_bin(interval '${sql.unsafe(span)}', ${at}, timestamptz 'epoch')`;
    return sql`, hours as materialized (
        select n, ${start("1 hour", sql`at`)} as start from hot
        union
        ${pending("pending_hour", "raw")}
      )${
      tier === "5m" ? sql`` : sql`, days as materialized (
        select n, ${start("1 day", sql`start`)} as start from hours
        union
        ${pending("pending_day", "5m")}
      )`
    }`;
  }

  /** A row for each key: its cells in the blocks of a tier. */
  #cellsOf(tier: Tier): Fragment {
    const sql = this.#sql;
    return sql`
      select ${this.#place(tier)}, w.n, ${this.#cellsWhere(tier, this.#isIn(tier))}
      from wanted w`;
  }

  /** A row for each key and changed span: its cell in the finer block of that span. */
  #cellsOfChanged(spans: "hours" | "days", finer: Tier): Fragment {
    const sql = this.#sql;
    const isChanged = sql`start = s.start and ${this.#isIn(finer)}`;
    return sql`
      select ${this.#place(finer)}, w.n, ${this.#cellsWhere(finer, isChanged)}
      from ${sql(spans)} s
      join wanted w on w.n = s.n`;
  }

  #cellsWhere(tier: Tier, condition: Fragment): Fragment {
    const sql = this.#sql;
    return sql`(
      select string_agg(${this.#cell()}, '')
      from (
        select head, data, ${this.#offset(sql`w.position - 1`)} as since,
          ${this.#offset(sql`w.position`)} as till
        from ${sql(TIERS[tier].table)}
        where host_id = w.host_id and shape_id = w.shape_id and ${condition}
        offset 0
      ) b
    )`;
  }

  #hotRecords(): Fragment {
    return this.#sql`
      select 0, 0, string_agg(int4send(n) || timestamptz_send(at) || float8send(value), '')
      from hot`;
  }

  /** Of block `b` the cell from byte `since` to `till`, as slices.ts has it. */
  #cell(): Fragment {
    return this.#sql`
      int4send(length(b.head)) || int4send(b.till - b.since) || b.head
        || substring(b.data from b.since + 1 for b.till - b.since)`;
  }

  /** Word `index` of a block's `offsets`, whose width is byte 2 of `head` (db/codec/block.ts). */
  #offset(index: Fragment): Fragment {
    const sql = this.#sql;
    const byte = (width: number, i: number) =>
      sql`get_byte(offsets, ${sql.unsafe(`${width}`)} * (${index}) + ${sql.unsafe(`${i}`)})`;
    // << and | are of one rank, from left to right: ((b0 << 8) | b1) << 8 | b2
    return sql`
      case get_byte(head, 2)
        when 2 then ${byte(2, 0)} << 8 | ${byte(2, 1)}
        when 3 then ${byte(3, 0)} << 8 | ${byte(3, 1)} << 8 | ${byte(3, 2)}
        else ${byte(4, 0)} << 8 | ${byte(4, 1)} << 8 | ${byte(4, 2)} << 8 | ${byte(4, 3)}
      end`;
  }

  #place(tier: Tier): Fragment {
    return this.#sql`${this.#sql.unsafe(String(SOURCES.indexOf(tier)))}`;
  }

  /** Hot rows of the span. */
  #isHot(): Fragment {
    const { from_ms, before_ms } = this.#range;
    return this.#sql`at >= ${this.#time(from_ms)} and at < ${this.#time(before_ms)}`;
  }

  /** Blocks that hold something of the span. */
  #isIn(tier: Tier): Fragment {
    const { from_ms, before_ms } = this.#range;
    const first_ms = startOf(TIERS[tier].block, from_ms);
    return this.#sql`start >= ${this.#time(first_ms)} and start < ${this.#time(before_ms)}`;
  }

  #time(at_ms: number): Fragment {
    return this.#sql`timestamptz 'epoch' + ${this.#write.number(at_ms)} * interval '1 millisecond'`;
  }
}
