/** Where an installation comes from: another database (here), or a backup (db/backup/restore.ts). */
import type { TransactionSql } from "../connect.ts";
import { type Relation, selectRelations, selectSequences, type SequenceValue } from "./catalog.ts";
import { digestTable, type ReadOptions, readRows } from "./copy_table.ts";
import type { RowDigest, TableDigest } from "./digest.ts";
import { selectInstallationId } from "./notes.ts";

export interface TransferSource {
  /** What the target is a copy of, as its notes say. */
  id(): Promise<string>;
  relations(): Promise<Relation[]>;
  sequences(): Promise<SequenceValue[]>;
  /** The rows of a table as the bytes of a binary COPY, each of which passes `digest`, too. */
  read(
    relation: Relation,
    options: ReadOptions & { digest: RowDigest },
  ): AsyncIterable<Uint8Array>;
  /** What the table holds now. */
  digest(relation: Relation, options: ReadOptions): Promise<TableDigest>;
}

/** A database, seen by a transaction that does nothing else meanwhile. */
export function databaseSource(sql: TransactionSql): TransferSource {
  return {
    id: () => selectInstallationId(sql),
    relations: () => selectRelations(sql),
    sequences: () => selectSequences(sql),
    read: (relation, options) => readRows(sql, relation, options),
    digest: (relation, options) => digestTable(sql, relation, options),
  };
}
