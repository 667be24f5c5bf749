/** Whether two databases hold the same installation: every table, every row, every sequence. */
import type { Sql, TransactionSql } from "../connect.ts";
import { transaction } from "../transaction.ts";
import { type Relation, relationLabel, selectRelations, selectSequences } from "./catalog.ts";
import { digestTable } from "./copy_table.ts";
import { selectInstallationId } from "./notes.ts";
import { bytesOf, Tally, type TallyOptions } from "./tally.ts";

export interface Comparison {
  tables: number;
  rows: number;
  /** On disk in the first database, without indexes. */
  bytes: number;
  /** One line for each; none: everything is equal. */
  differences: string[];
}

const READ_ONLY = { mode: "isolation level repeatable read read only" };

/** Reads both to their ends, each in one snapshot. */
export async function compareDatabases(
  first: Sql,
  second: Sql,
  options: TallyOptions = {},
): Promise<Comparison> {
  return await transaction(
    first,
    (a) => transaction(second, (b) => compare(a, b, options), READ_ONLY),
    READ_ONLY,
  );
}

async function compare(
  first: TransactionSql,
  second: TransactionSql,
  options: TallyOptions,
): Promise<Comparison> {
  const differences: string[] = [];
  if (await selectInstallationId(first) !== await selectInstallationId(second)) {
    differences.push("they are two installations: neither is a copy of the other");
  }
  const [here, there] = [await selectRelations(first), await selectRelations(second)];
  const others = new Map(there.map((relation) => [relationLabel(relation), relation]));
  const tally = new Tally(here, 2, options);
  const digest = (sql: TransactionSql, relation: Relation) =>
    tally.counted(relation, "comparing", (reading) => digestTable(sql, relation, reading));
  let rows = 0;
  for (const relation of here) {
    const label = relationLabel(relation);
    const other = others.get(label);
    others.delete(label);
    if (other === undefined) {
      differences.push(`${label} is only in the first`);
      continue;
    }
    const [a, b] = [await digest(first, relation), await digest(second, other)];
    rows += a.rows;
    if (a.rows !== b.rows) differences.push(`${label} has ${a.rows} rows and ${b.rows}`);
    else if (a.checksum !== b.checksum) differences.push(`${label} has other values`);
  }
  for (const label of others.keys()) differences.push(`${label} is only in the second`);
  differences.push(...await differentSequences(first, second));
  return { tables: here.length, rows, bytes: bytesOf(here), differences };
}

async function differentSequences(
  first: TransactionSql,
  second: TransactionSql,
): Promise<string[]> {
  const values = new Map(
    (await selectSequences(second)).map((one) => [relationLabel(one), one.last_value]),
  );
  return (await selectSequences(first)).flatMap((one) => {
    const label = relationLabel(one);
    const other = values.get(label);
    return other === one.last_value ? [] : [`${label} stands at ${one.last_value} and ${other}`];
  });
}
