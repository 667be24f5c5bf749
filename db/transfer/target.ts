/**
 * The target of a transfer before anything is copied: empty and made ready, or an unfinished copy of
 * the same installation, of which what is complete and still right is kept.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Sql } from "../connect.ts";
import type { Migration } from "../migration_files.ts";
import { migrate } from "../migrate.ts";
import { transaction } from "../transaction.ts";
import { hasRows, type Relation, relationLabel, selectRelations } from "./catalog.ts";
import { quotedName, withoutTriggers } from "./copy_table.ts";
import { TransferError } from "./error.ts";
import { createNotes, forgetComplete, selectUnfinished } from "./notes.ts";

/** Of tables that are in the way, so many are named. */
const NAMED_MAX = 5;

const OTHER_WAY: Readonly<Record<TransferVerb, string>> = {
  move: ", or drop this one and create it again",
  restore: ", or let what is there give way with --force",
};

/** What is being done, as messages say it. */
export type TransferVerb = "move" | "restore";

/** Makes an empty target ready. Returns whether it is an unfinished copy of `source_id`. */
export async function prepareTarget(
  target: Sql,
  options: {
    source_id: string;
    log: Logger;
    clock: Clock;
    migrations?: Migration[];
    verb?: TransferVerb;
  },
): Promise<boolean> {
  const { source_id, log, clock, migrations, verb = "move" } = options;
  const unfinished = await selectUnfinished(target);
  if (unfinished === undefined) {
    await checkEmpty(target, verb);
    // first: a kill between this and the tables must not leave a database that looks whole
    await createNotes(target, source_id);
  } else if (unfinished !== source_id) {
    throw new TransferError(`Cannot ${verb} to a database with an unfinished copy of another one`, {
      hint: `name an empty database${OTHER_WAY[verb]}`,
    });
  }
  await migrate(target, { log, clock, migrations, is_copy: true });
  return unfinished !== undefined;
}

async function checkEmpty(target: Sql, verb: TransferVerb): Promise<void> {
  const found: string[] = [];
  for (const relation of await selectRelations(target)) {
    if (await hasRows(target, relation)) found.push(relationLabel(relation));
  }
  if (found.length === 0) return;
  const more = found.length > NAMED_MAX ? ` and ${found.length - NAMED_MAX} more` : "";
  throw new TransferError(`Cannot ${verb} to a database that is not empty`, {
    cause: `it has rows in ${found.slice(0, NAMED_MAX).join(", ")}${more}`,
    hint: verb === "move"
      ? "name an empty database: createdb monitor"
      : `name an empty one${OTHER_WAY[verb]}`,
  });
}

/** Empties tables of the target in this order, and forgets that they were complete. */
export async function emptyTables(target: Sql, relations: readonly Relation[]): Promise<void> {
  if (relations.length === 0) return;
  await transaction(target, async (tx) => {
    for (const relation of relations) {
      // not truncate, which a foreign key forbids even when nothing refers to a row
      await withoutTriggers(tx, relation, async () => {
        await tx.unsafe(`delete from ${quotedName(relation)}`);
      });
    }
    await forgetComplete(tx, relations.map(relationLabel));
  });
}

/** Takes away partitions the source does not have any more. */
export async function dropPartitions(target: Sql, relations: readonly Relation[]): Promise<void> {
  await transaction(target, async (tx) => {
    for (const relation of relations) await tx.unsafe(`drop table ${quotedName(relation)}`);
    await forgetComplete(tx, relations.map(relationLabel));
  });
}
