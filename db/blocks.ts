/**
 * Blocks as aggregation reads and writes them: whole, many of one tier in a statement. Readers of
 * single series take slices instead (block_cells.ts).
 */
import type { Block } from "./codec/block.ts";
import type { AnySql } from "./connect.ts";
import { type Tier, TIERS } from "./tiers.ts";

const BYTEA_OID = 17;

/** What identifies a block of a tier. */
export interface BlockKey {
  host_id: number;
  shape_id: number;
  /** When its span begins, in milliseconds since 1970. */
  start_ms: number;
}

export interface StoredBlock extends BlockKey, Block {}

/** For maps by block. */
export function blockKey({ host_id, shape_id, start_ms }: BlockKey): string {
  return `${host_id} ${shape_id} ${start_ms}`;
}

/** The keys as three columns, which is how statements take them. */
export function keyColumns(keys: readonly BlockKey[]) {
  return {
    host_ids: keys.map((key) => key.host_id),
    shape_ids: keys.map((key) => key.shape_id),
    starts_ms: keys.map((key) => key.start_ms),
  };
}

/**
 * Those of the given blocks that exist, by `blockKey`. `keys` should lie in few partitions: all from
 * the first to the last are looked into.
 */
export async function selectBlocks(
  sql: AnySql,
  tier: Tier,
  keys: readonly BlockKey[],
): Promise<Map<string, StoredBlock>> {
  const { host_ids, shape_ids, starts_ms } = keyColumns(keys);
  const rows = await sql<StoredBlock[]>`
    select
      b.host_id, b.shape_id, (extract(epoch from b.start) * 1000)::float8 as start_ms,
      b.head, b.offsets, b.data
    from unnest(${host_ids}::integer[], ${shape_ids}::integer[], ${starts_ms}::float8[])
      as k (host_id, shape_id, start_ms)
    join ${sql(TIERS[tier].table)} b
      on b.host_id = k.host_id
      and b.start = timestamptz 'epoch' + k.start_ms * interval '1 millisecond'
      and b.shape_id = k.shape_id
    where b.start >= timestamptz 'epoch' + ${
    Math.min(...starts_ms)
  }::float8 * interval '1 millisecond'
      and b.start <= timestamptz 'epoch' + ${
    Math.max(...starts_ms)
  }::float8 * interval '1 millisecond'`;
  return new Map(rows.map((row) => [blockKey(row), row]));
}

/** The keys of one host's blocks of one shape that begin in a span, in order. */
export async function selectBlockKeys(
  sql: AnySql,
  tier: Tier,
  range: { host_id: number; shape_id: number; from_ms: number; before_ms: number },
): Promise<BlockKey[]> {
  return await sql<BlockKey[]>`
    select host_id, shape_id, (extract(epoch from start) * 1000)::float8 as start_ms
    from ${sql(TIERS[tier].table)}
    where host_id = ${range.host_id}
      and shape_id = ${range.shape_id}
      and start >= timestamptz 'epoch' + ${range.from_ms}::float8 * interval '1 millisecond'
      and start < timestamptz 'epoch' + ${range.before_ms}::float8 * interval '1 millisecond'
    order by start`;
}

/** Writes blocks, over those that are there. The partitions exist (`ensureBlockPartition`). */
export async function upsertBlocks(
  sql: AnySql,
  tier: Tier,
  blocks: readonly StoredBlock[],
): Promise<void> {
  const { host_ids, shape_ids, starts_ms } = keyColumns(blocks);
  // left to itself, the driver takes a list of bytes for one value
  const bytes = (of: (block: StoredBlock) => Uint8Array) => sql.array(blocks.map(of), BYTEA_OID);
  await sql`
    insert into ${sql(TIERS[tier].table)} (host_id, shape_id, start, head, offsets, data)
    select
      host_id, shape_id, timestamptz 'epoch' + start_ms * interval '1 millisecond',
      head, offsets, data
    from unnest(
      ${host_ids}::integer[],
      ${shape_ids}::integer[],
      ${starts_ms}::float8[],
      ${bytes((block) => block.head)}::bytea[],
      ${bytes((block) => block.offsets)}::bytea[],
      ${bytes((block) => block.data)}::bytea[]
    ) as b (host_id, shape_id, start_ms, head, offsets, data)
    on conflict (host_id, start, shape_id) do update set
      head = excluded.head,
      offsets = excluded.offsets,
      data = excluded.data`;
}
