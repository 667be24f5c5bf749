/**
 * One table, or one partition, from one database into another: a single transaction of the target,
 * in which it is made, filled, attached and noted as complete, or none of it. The data passes as
 * PostgreSQL's binary COPY and is only counted and summed on its way.
 */
import type { Row } from "postgres";
import type { Sql, TransactionSql } from "../connect.ts";
import { copyInFrom } from "../copy.ts";
import { copyOut } from "../copy_out.ts";
import { transaction } from "../transaction.ts";
import { type Relation, relationLabel } from "./catalog.ts";
import { RowDigest, type TableDigest } from "./digest.ts";
import { noteComplete } from "./notes.ts";

/** PostgreSQL sends a message a row; writing them one by one would cost more than the rows. */
const PIECE_BYTES = 256 * 1024;

export interface ReadOptions {
  /** Told how many rows and bytes have come since the last time. */
  onRead: (rows: number, bytes: number) => void;
  signal?: AbortSignal;
}

/** Rows of a table as the bytes of a COPY; each of them passes `digest`, too. */
export type ReadTable = (
  relation: Relation,
  options: ReadOptions & { digest: RowDigest },
) => AsyncIterable<Uint8Array>;

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A table's name as it stands in a statement. */
export function quotedName({ schema, name }: { schema: string; name: string }): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

function columnList({ columns }: Relation): string {
  return columns.map(quoted).join(", ");
}

/** The rows of a table as the bytes of a COPY, in pieces that are worth writing. */
export async function* readRows(
  source: TransactionSql,
  relation: Relation,
  options: ReadOptions & { digest: RowDigest },
): AsyncGenerator<Uint8Array> {
  const { digest, onRead, signal } = options;
  const query = source.unsafe<Row[]>(
    `copy ${quotedName(relation)} (${columnList(relation)}) to stdout with (format binary)`,
  );
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let told = 0;
  for await (const chunk of copyOut(query)) {
    signal?.throwIfAborted();
    digest.push(chunk);
    pieces.push(chunk);
    bytes += chunk.length;
    if (bytes < PIECE_BYTES) continue;
    onRead(digest.rows - told, bytes);
    told = digest.rows;
    yield concatenated(pieces, bytes);
    [pieces, bytes] = [[], 0];
  }
  onRead(digest.rows - told, bytes);
  yield concatenated(pieces, bytes);
}

function concatenated(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Reads a table to its end. `source` may do nothing else meanwhile. */
export async function digestTable(
  source: TransactionSql,
  relation: Relation,
  options: ReadOptions,
): Promise<TableDigest> {
  const digest = new RowDigest();
  // deno-lint-ignore no-empty -- reading is all there is to do
  for await (const _ of readRows(source, relation, { ...options, digest })) {}
  return digest.end();
}

/** Copies a table into the target's, which is empty; a partition that is not there is made. */
export async function copyTable(
  relation: Relation,
  options: ReadOptions & { read: ReadTable; target: Sql; is_there: boolean },
): Promise<TableDigest> {
  const { target, is_there } = options;
  return await transaction(target, async (tx) => {
    if (!is_there) await makePartition(tx, relation);
    // rows of a table made in the same transaction need not be looked at again by vacuum
    const digest = await copyRows(relation, { ...options, tx, freeze: !is_there });
    // indexes are made here, at once for all rows
    if (!is_there) await attachPartition(tx, relation);
    await noteComplete(tx, relationLabel(relation), digest);
    return digest;
  });
}

/** Copies the rows alone, in a transaction of the target's. */
export async function copyRows(
  relation: Relation,
  options: ReadOptions & { read: ReadTable; tx: TransactionSql; freeze: boolean },
): Promise<TableDigest> {
  const { read, tx, freeze } = options;
  const digest = new RowDigest();
  await withoutTriggers(tx, relation, async () => {
    const query = tx.unsafe<Row[]>(
      `copy ${quotedName(relation)} (${columnList(relation)}) from stdin ` +
        `with (format binary, freeze ${freeze})`,
    );
    await copyInFrom(query, read(relation, { ...options, digest }));
  });
  return digest.end();
}

async function makePartition(tx: TransactionSql, relation: Relation): Promise<void> {
  const { parent, options } = relation;
  if (parent === undefined) {
    throw new Error(`BUG: the target has no table ${relationLabel(relation)}`);
  }
  const settings = options.length === 0 ? "" : ` with (${options.join(", ")})`;
  await tx.unsafe(
    `create table ${quotedName(relation)} (like ${quotedName(parent)} including defaults ` +
      `including generated including constraints including storage including compression)` +
      settings,
  );
}

async function attachPartition(tx: TransactionSql, relation: Relation): Promise<void> {
  const { parent = { schema: "", name: "" }, bound } = relation;
  // the bound is PostgreSQL's own text of it, by a session of the same time zone
  await tx.unsafe(
    `alter table ${quotedName(parent)} attach partition ${quotedName(relation)} ${bound}`,
  );
}

/** What triggers have done is in the rows already. */
export async function withoutTriggers(
  tx: TransactionSql,
  relation: Relation,
  run: () => Promise<void>,
): Promise<void> {
  if (!relation.has_triggers) return await run();
  await tx.unsafe(`alter table ${quotedName(relation)} disable trigger user`);
  await run();
  await tx.unsafe(`alter table ${quotedName(relation)} enable trigger user`);
}
