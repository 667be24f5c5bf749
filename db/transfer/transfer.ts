/**
 * Moves an installation into another PostgreSQL:
 *
 *   target     empty, or an unfinished copy of the same installation (notes.ts, target.ts)
 *   copy       table by table, partition by partition, each in one transaction (copy_table.ts)
 *   sequences  go on where they stood
 *   verify     everything is read back from the target, and compared with what was sent
 *   finish     the history of migrations comes, and the notes go that keep a server from starting
 *
 * Killed anywhere, the same command goes on: what is complete is compared with the source, which may
 * have changed meanwhile, and copied again where it differs. The source is only read, in one
 * snapshot; that no server writes to it is the caller's to see to.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Sql, TransactionSql } from "../connect.ts";
import type { Migration } from "../migration_files.ts";
import { transaction } from "../transaction.ts";
import {
  type Reference,
  type Relation,
  relationLabel,
  selectPartitioned,
  selectReferences,
  selectRelations,
  setSequences,
} from "./catalog.ts";
import { copyRows, copyTable, digestTable } from "./copy_table.ts";
import type { TableDigest } from "./digest.ts";
import { TransferError } from "./error.ts";
import { dropNotes, selectComplete } from "./notes.ts";
import { copyOrder, emptyOrder, referencesOf } from "./plan.ts";
import { databaseSource, type TransferSource } from "./source.ts";
import { bytesOf, Tally, type TallyOptions } from "./tally.ts";
import { dropPartitions, emptyTables, prepareTarget, type TransferVerb } from "./target.ts";

export interface TransferOptions extends TallyOptions {
  log: Logger;
  clock: Clock;
  /** Default: those of this program. */
  migrations?: Migration[];
}

export interface TransferResult {
  tables: number;
  rows: number;
  /** As they were on disk, without indexes. */
  bytes: number;
  /** Tables that an earlier attempt had completed. */
  kept: number;
  /** Tables of the source that are none of ours. */
  left_out: string[];
}

/** Throws `TransferError`, and what PostgreSQL says. */
export async function transfer(
  source: Sql,
  target: Sql,
  options: TransferOptions,
): Promise<TransferResult> {
  return await transaction(
    source,
    (read) => transferFrom(databaseSource(read), target, options),
    { mode: "isolation level repeatable read read only" },
  );
}

/** The same from anywhere. `options.migrations` make the schema that the source has. */
export async function transferFrom(
  source: TransferSource,
  target: Sql,
  options: TransferOptions & { verb?: TransferVerb },
): Promise<TransferResult> {
  return await new Transfer(source, target, options).run();
}

class Transfer {
  readonly #source: TransferSource;
  readonly #target: Sql;
  readonly #options: TransferOptions & { verb?: TransferVerb };
  #tally: Tally;

  constructor(
    source: TransferSource,
    target: Sql,
    options: TransferOptions & { verb?: TransferVerb },
  ) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#tally = new Tally([], 0, options);
  }

  async run(): Promise<TransferResult> {
    const source_id = await this.#source.id();
    const is_resumed = await prepareTarget(this.#target, { ...this.#options, source_id });
    const { relations, left_out } = await this.#relations();
    // there, back, and when it goes on, once more to see that the source is what it was
    this.#tally = new Tally(relations, is_resumed ? 3 : 2, this.#options);
    const references = referencesOf(
      relations.map((relation) => ({
        label: relationLabel(relation),
        parent: relation.parent && relationLabel(relation.parent),
      })),
      // the same as those of the source, by the same migrations
      await selectReferences(this.#target),
    );
    const kept = await this.#keep(relations, references);
    await this.#copy(relations, references);
    await setSequences(this.#target, await this.#source.sequences());
    const rows = await this.#verify(relations);
    await this.#target.unsafe("analyze");
    const migrations = await this.#finish();
    return {
      tables: relations.length + 1,
      rows: rows + migrations,
      bytes: bytesOf(relations),
      kept,
      left_out,
    };
  }

  /** What is moved: every table this program has made, of this and of later versions. */
  async #relations(): Promise<{ relations: Relation[]; left_out: string[] }> {
    const known = new Set([
      ...(await selectRelations(this.#target)).map(relationLabel),
      ...await selectPartitioned(this.#target),
    ]);
    const all = await this.#source.relations();
    const isOurs = (relation: Relation) => known.has(relationLabel(relation.parent ?? relation));
    return {
      relations: all.filter((relation) => isOurs(relation) && !isHistory(relation)),
      left_out: all.filter((relation) => !isOurs(relation)).map(relationLabel),
    };
  }

  /** Leaves of an earlier attempt what is still right, and empties the rest. Returns how many stay. */
  async #keep(relations: readonly Relation[], references: readonly Reference[]): Promise<number> {
    const there = await selectRelations(this.#target);
    const wanted = new Set(relations.map(relationLabel));
    const gone = there.filter((one) =>
      one.bound !== undefined && one.bound !== "DEFAULT" && !wanted.has(relationLabel(one))
    );
    await dropPartitions(this.#target, gone);
    const complete = await selectComplete(this.#target);
    const right = new Set<string>();
    for (const relation of relations) {
      const label = relationLabel(relation);
      const known = complete.get(label);
      if (known === undefined) continue;
      const now = await this.#tally.counted(
        relation,
        "looking again at",
        (reading) => this.#source.digest(relation, reading),
      );
      if (isEqual(known, now)) right.add(label);
    }
    const by_label = new Map(there.map((relation) => [relationLabel(relation), relation]));
    const labels = relations.map(relationLabel);
    const again = emptyOrder(labels.filter((label) => !right.has(label)), labels, references);
    const empty = again.map((label) => by_label.get(label)).filter((one) => one !== undefined);
    await emptyTables(this.#target, empty);
    return labels.length - again.length;
  }

  async #copy(relations: readonly Relation[], references: readonly Reference[]): Promise<void> {
    const complete = await selectComplete(this.#target);
    const there = new Set((await selectRelations(this.#target)).map(relationLabel));
    const by_label = new Map(relations.map((relation) => [relationLabel(relation), relation]));
    for (const label of copyOrder([...by_label.keys()], references)) {
      const relation = by_label.get(label);
      if (relation === undefined || complete.has(label)) continue;
      await this.#tally.counted(relation, "copying", (reading) =>
        copyTable(relation, {
          ...reading,
          read: this.#source.read,
          target: this.#target,
          is_there: there.has(label),
        }));
    }
  }

  /** Reads everything back. Returns how many rows there are. */
  async #verify(relations: readonly Relation[]): Promise<number> {
    const complete = await selectComplete(this.#target);
    const different: string[] = [];
    let rows = 0;
    await transaction(this.#target, async (read) => {
      for (const relation of relations) {
        const label = relationLabel(relation);
        const found = await this.#digest(read, relation, "verifying");
        if (!isEqual(complete.get(label), found)) different.push(label);
        rows += found.rows;
      }
    }, { mode: "isolation level repeatable read read only" });
    if (different.length === 0) return rows;
    throw new TransferError(`Cannot trust the copy: ${different.join(", ")} came back different`, {
      hint: "see the disk and the memory of that machine, drop that database, and start anew",
    });
  }

  /**
   * The table of migrations comes last, and with the end of the notes: until then the target needs
   * its own to know which tables it has. Returns how many rows it has.
   */
  async #finish(): Promise<number> {
    const relation = (await this.#source.relations()).find(isHistory);
    if (relation === undefined) throw new Error("BUG: the source has no migrations");
    return await transaction(this.#target, async (tx) => {
      await tx`delete from migration`;
      const { read } = this.#source;
      const options = { read, tx, freeze: false, onRead: () => {} };
      const { rows } = await copyRows(relation, options);
      await dropNotes(tx);
      return rows;
    });
  }

  #digest(sql: TransactionSql, relation: Relation, note: string): Promise<TableDigest> {
    return this.#tally.counted(relation, note, (reading) => digestTable(sql, relation, reading));
  }
}

function isHistory(relation: Relation): boolean {
  return relationLabel(relation) === "migration";
}

function isEqual(a: TableDigest | undefined, b: TableDigest): boolean {
  return a?.rows === b.rows && a.checksum === b.checksum;
}
