/**
 * Rules, and the one row that says who evaluates them. Every change of rules counts
 * `alerting.rules_revision` up in its transaction: that is how the evaluator hears of it.
 */
import type { AnySql, Sql, TransactionSql } from "./connect.ts";
import { transaction } from "./transaction.ts";

export type RuleSource = "api" | "contract" | "file";

export interface RuleRow {
  id: number;
  name: string;
  /** As it was written. */
  definition: unknown;
  enabled: boolean;
  source: RuleSource;
  revision: number;
  created_ms: number;
  updated_ms: number;
}

export interface RuleInputRow {
  name: string;
  definition: object;
  /** Undefined leaves it as it is. */
  enabled?: boolean;
  source: RuleSource;
}

function columns(sql: AnySql) {
  return sql`
    id, name, definition, enabled, source, revision,
    (extract(epoch from created_at) * 1000)::float8 as created_ms,
    (extract(epoch from updated_at) * 1000)::float8 as updated_ms`;
}

function at(sql: AnySql, now_ms: number) {
  return sql`timestamptz 'epoch' + ${now_ms}::float8 * interval '1 millisecond'`;
}

/** The driver's type of JSON does not know interfaces; a definition is plain data. */
function json(sql: AnySql, value: object) {
  return sql.json(value as Parameters<AnySql["json"]>[0]);
}

/** All that are not deleted, in the order they were made. */
export async function selectRules(sql: AnySql): Promise<RuleRow[]> {
  return await sql<RuleRow[]>`
    select ${columns(sql)} from rule where deleted_at is null order by id`;
}

export async function selectRule(sql: AnySql, id: number): Promise<RuleRow | undefined> {
  const [row] = await sql<RuleRow[]>`
    select ${columns(sql)} from rule where id = ${id} and deleted_at is null`;
  return row;
}

/** Which of these rules were deleted, for what is said of their alerts. */
export async function selectDeleted(sql: Sql, ids: readonly number[]): Promise<Set<number>> {
  const rows = await sql<{ id: number }[]>`
    select id from rule where id = any(${[...ids]}::integer[]) and deleted_at is not null`;
  return new Set(rows.map(({ id }) => id));
}

async function countUp(tx: TransactionSql): Promise<void> {
  await tx`update alerting set rules_revision = rules_revision + 1`;
}

/** @throws a unique violation when there is a rule of this name */
export async function insertRule(sql: Sql, rule: RuleInputRow, now_ms: number): Promise<number> {
  return await transaction(sql, async (tx) => {
    await countUp(tx);
    return await insert(tx, rule, now_ms);
  });
}

async function insert(tx: TransactionSql, rule: RuleInputRow, now_ms: number): Promise<number> {
  const [row] = await tx<{ id: number }[]>`
    insert into rule (name, definition, enabled, source, created_at, updated_at)
    values (
      ${rule.name}, ${json(tx, rule.definition)}, ${rule.enabled ?? true}, ${rule.source},
      ${at(tx, now_ms)}, ${at(tx, now_ms)}
    )
    returning id`;
  return row?.id ?? 0;
}

/**
 * Replaces what a rule says.
 *
 * @returns false when there is no such rule
 * @throws a unique violation when another rule has this name
 */
export async function updateRule(
  sql: Sql,
  rule: RuleInputRow & { id: number },
  now_ms: number,
): Promise<boolean> {
  return await transaction(sql, async (tx) => {
    await countUp(tx);
    return await update(tx, rule, now_ms);
  });
}

async function update(
  tx: TransactionSql,
  rule: RuleInputRow & { id: number },
  now_ms: number,
): Promise<boolean> {
  const changed = await tx`
    update rule set
      name = ${rule.name},
      definition = ${json(tx, rule.definition)},
      enabled = coalesce(${rule.enabled ?? null}::boolean, enabled),
      source = ${rule.source},
      revision = revision + 1,
      updated_at = ${at(tx, now_ms)}
    where id = ${rule.id} and deleted_at is null`;
  return changed.count > 0;
}

/** Switches a rule on or off; false when there is none. */
export async function updateRuleEnabled(
  sql: Sql,
  { id, enabled }: { id: number; enabled: boolean },
  now_ms: number,
): Promise<boolean> {
  return await transaction(sql, async (tx) => {
    await countUp(tx);
    const changed = await tx`
      update rule set enabled = ${enabled}, updated_at = ${at(tx, now_ms)}
      where id = ${id} and deleted_at is null`;
    return changed.count > 0;
  });
}

/** Deletes rules; how many there were. */
export async function deleteRules(
  sql: Sql,
  ids: readonly number[],
  now_ms: number,
): Promise<number> {
  return await transaction(sql, async (tx) => {
    await countUp(tx);
    return await remove(tx, ids, now_ms);
  });
}

async function remove(tx: TransactionSql, ids: readonly number[], now_ms: number) {
  const deleted = await tx`
    update rule set deleted_at = ${at(tx, now_ms)}
    where id = any(${[...ids]}::integer[]) and deleted_at is null`;
  return deleted.count;
}

export interface Applied {
  created: string[];
  changed: string[];
  removed: string[];
  unchanged: number;
}

/**
 * Makes the rules of source `file` those that are given, by name: one transaction, all or nothing.
 * A rule of another source that has the same name becomes the file's.
 */
export async function replaceFileRules(
  sql: Sql,
  rules: readonly { name: string; definition: object; enabled?: boolean }[],
  { now_ms, dry_run }: { now_ms: number; dry_run: boolean },
): Promise<Applied> {
  return await transaction(sql, async (tx) => {
    // two files applied at once are applied one after the other
    await tx`select 1 from alerting for update`;
    const present = new Map((await selectRules(tx)).map((row) => [row.name, row]));
    const applied: Applied = { created: [], changed: [], removed: [], unchanged: 0 };
    for (const rule of rules) {
      const row = present.get(rule.name);
      const input = { ...rule, source: "file" as const };
      if (row === undefined) {
        applied.created.push(rule.name);
        if (!dry_run) await insert(tx, input, now_ms);
        continue;
      }
      present.delete(rule.name);
      const isSame = row.source === "file" && isEqualJson(row.definition, rule.definition) &&
        (rule.enabled === undefined || rule.enabled === row.enabled);
      if (isSame) applied.unchanged++;
      else {
        applied.changed.push(rule.name);
        if (!dry_run) await update(tx, { ...input, id: row.id }, now_ms);
      }
    }
    const left = [...present.values()].filter(({ source }) => source === "file");
    applied.removed = left.map(({ name }) => name);
    if (!dry_run) {
      await remove(tx, left.map(({ id }) => id), now_ms);
      if (applied.created.length + applied.changed.length + left.length > 0) await countUp(tx);
    }
    return applied;
  });
}

/** Equal, whatever the order of names: jsonb does not keep it. */
function isEqualJson(a: unknown, b: unknown): boolean {
  return sorted(a) === sorted(b);
}

function sorted(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  );
}

/**
 * Becomes the evaluator: whoever was it before can write no more. Gives the epoch, and until when
 * somebody evaluated; null when nobody ever did. That stays until states are evaluated: who fails
 * before it has not watched.
 */
export async function beginEvaluation(
  sql: Sql,
  evaluator: string,
): Promise<{ epoch: number; evaluated_ms: number | null }> {
  const [row] = await sql<{ epoch: number; evaluated_ms: number | null }[]>`
    update alerting set epoch = epoch + 1, evaluator = ${evaluator}
    returning epoch, (extract(epoch from evaluated_at) * 1000)::float8 as evaluated_ms`;
  if (row === undefined) throw new Error("BUG: table alerting has no row");
  return row;
}

/**
 * Notes that rules were evaluated until now; gives the revision of the rules there are, undefined
 * when somebody else evaluates. Its COMMIT does not wait for the disk: a crash loses a second of it.
 */
export async function noteEvaluated(
  sql: Sql,
  { epoch, now_ms }: { epoch: number; now_ms: number },
): Promise<number | undefined> {
  const [row] = await sql<{ rules_revision: number }[]>`
    with asynchronous as (select set_config('synchronous_commit', 'off', true))
    update alerting set evaluated_at = ${at(sql, now_ms)}
    from asynchronous
    where epoch = ${epoch}
    returning rules_revision`;
  return row?.rules_revision;
}

export interface AlertRequest {
  id: number;
  host_id: number;
  incident_key: string;
  who: string | null;
  note: string | null;
}

/** What people want of incidents, in the order they asked. */
export async function selectRequests(sql: Sql): Promise<AlertRequest[]> {
  return await sql<AlertRequest[]>`
    select id, host_id, incident_key, who, note from alert_request order by id limit 1000`;
}
