/**
 * `monitor migrate --distribute`: the tables of samples spread over the machines of a Citus cluster.
 *
 * A partitioned table is a large one: it is distributed by `host_id`, so that all of a host is on one
 * machine. What questions read together with those is copied to every machine, and everything else
 * stays on the coordinator. Citus wants the column in every unique key; whether it is there is read
 * from the catalog, so that a later migration cannot forget it.
 */
import type { AnySql, Sql } from "./connect.ts";
import { MigrationError, migrationStatus } from "./migrate.ts";

const COLUMN = "host_id";
/** Small, and read together with the samples. */
const REFERENCES = ["host", "host_shape", "metric", "shape"];
const ADVICE = "docs/scale.md says what it takes and what was not tried";

/** A table that is no partition. */
export interface CatalogTable {
  name: string;
  is_partitioned: boolean;
  columns: string[];
  unique_keys: { name: string; columns: string[] }[];
  /** The tables its foreign keys refer to. */
  foreign_keys: { name: string; to: string }[];
}

export interface DistributionStep {
  table: string;
  as: "distributed" | "reference";
  sql: string;
}

export interface DistributionPlan {
  /** In the order in which they are to be run. */
  steps: DistributionStep[];
  /** Stay where they are. */
  local: string[];
  /** Should be distributed, and cannot be. */
  faults: { table: string; reason: string }[];
}

/** What becomes of each table. */
export function distributionPlan(tables: readonly CatalogTable[]): DistributionPlan {
  const plan: DistributionPlan = { steps: [], local: [], faults: [] };
  const sorted = tables.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const placed = sorted.filter(({ name, is_partitioned }) =>
    is_partitioned || REFERENCES.includes(name)
  );
  const names = new Set(placed.map(({ name }) => name));
  const isFit = (table: CatalogTable) => {
    const reasons = faultsOf(table, names);
    plan.faults.push(...reasons.map((reason) => ({ table: table.name, reason })));
    return reasons.length === 0;
  };
  // copies first: what refers to them finds them
  for (const table of placed.filter((one) => !one.is_partitioned)) {
    if (!isFit(table)) continue;
    const sql = `select create_reference_table('${table.name}')`;
    plan.steps.push({ table: table.name, as: "reference", sql });
  }
  let first: string | undefined;
  for (const table of placed.filter((one) => one.is_partitioned)) {
    if (!isFit(table)) continue;
    const beside = first === undefined ? "" : `, colocate_with => '${first}'`;
    const sql = `select create_distributed_table('${table.name}', '${COLUMN}'${beside})`;
    plan.steps.push({ table: table.name, as: "distributed", sql });
    first ??= table.name;
  }
  plan.local = sorted.map(({ name }) => name).filter((name) => !names.has(name));
  return plan;
}

function faultsOf(table: CatalogTable, placed: ReadonlySet<string>): string[] {
  const foreign = table.foreign_keys.filter(({ to }) => !placed.has(to))
    .map(({ name, to }) => `its foreign key ${name} refers to ${to}, which stays`);
  if (!table.is_partitioned) return foreign;
  if (!table.columns.includes(COLUMN)) return [`it has no column ${COLUMN}`, ...foreign];
  const keys = table.unique_keys.filter(({ columns }) => !columns.includes(COLUMN))
    .map(({ name }) => `its unique key ${name} is without ${COLUMN}`);
  return [...keys, ...foreign];
}

/** The tables of the program, sorted. */
export async function selectTables(sql: AnySql): Promise<CatalogTable[]> {
  return await sql<CatalogTable[]>`
    select
      c.relname as name,
      c.relkind = 'p' as is_partitioned,
      array(
        select a.attname from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
      ) as columns,
      coalesce((
        select jsonb_agg(jsonb_build_object(
          'name', k.relname,
          'columns', array(
            select a.attname from pg_attribute a
            where a.attrelid = c.oid and a.attnum = any(i.indkey::int2[])
          )
        ) order by k.relname)
        from pg_index i
        join pg_class k on k.oid = i.indexrelid
        where i.indrelid = c.oid and i.indisunique
      ), '[]') as unique_keys,
      coalesce((
        select jsonb_agg(jsonb_build_object('name', f.conname, 'to', t.relname) order by f.conname)
        from pg_constraint f
        join pg_class t on t.oid = f.confrelid
        where f.conrelid = c.oid and f.contype = 'f'
      ), '[]') as foreign_keys
    from pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and not c.relispartition
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    order by c.relname collate "C"`;
}

/** The plan as a script. */
export function distributionScript({ steps, local, faults }: DistributionPlan): string {
  return [
    ...faults.map(({ table, reason }) => `-- ${table} cannot be distributed: ${reason}`),
    ...steps.map(({ sql }) => `${sql};`),
    `-- stay on the coordinator: ${local.join(", ")}`,
  ].map((line) => `${line}\n`).join("");
}

async function requireCitus(sql: Sql): Promise<void> {
  const found = await sql<{ is_here: boolean }[]>`
    select e.extname is not null as is_here
    from pg_available_extensions a
    left join pg_extension e on e.extname = a.name
    where a.name = 'citus'`;
  if (found[0]?.is_here) return;
  const isThere = found.length > 0;
  throw new MigrationError(
    "no_citus",
    `Cannot distribute: ${
      isThere
        ? "this PostgreSQL has the extension citus, the database does not"
        : "this PostgreSQL does not have the extension citus"
    }`,
    {
      hint: isThere
        ? `have a superuser run: create extension citus; ${ADVICE}`
        : "one PostgreSQL takes millions of samples a second and needs none; if it is not enough, " +
          `use a Citus cluster with --database-url; ${ADVICE}`,
    },
  );
}

/** What the database would be distributed by. Throws MigrationError when its schema is not this program's. */
export async function planDistribution(sql: Sql): Promise<DistributionPlan> {
  const { pending } = await migrationStatus(sql);
  if (pending.length === 0) return distributionPlan(await selectTables(sql));
  throw new MigrationError("not_migrated", "Cannot distribute: the schema is not up to date", {
    hint: "run monitor migrate first",
  });
}

/**
 * Distributes what is not distributed yet; `onStep` is told of each table that is done. Each is a
 * transaction of its own: stopped in between, the next run goes on. Throws MigrationError.
 */
export async function distribute(sql: Sql, onStep: (step: DistributionStep) => void) {
  await requireCitus(sql);
  const plan = await planDistribution(sql);
  const [fault] = plan.faults;
  if (fault !== undefined) {
    throw new MigrationError(
      "not_distributable",
      `Cannot distribute ${fault.table}: ${fault.reason}`,
      { hint: "this is a fault of monitor; nothing was changed" },
    );
  }
  await runSteps(sql, plan, onStep);
}

/** Runs what Citus has not done. */
export async function runSteps(
  sql: Sql,
  { steps }: DistributionPlan,
  onStep: (step: DistributionStep) => void,
): Promise<void> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name
    from pg_dist_partition d
    join pg_class c on c.oid = d.logicalrelid`;
  const done = new Set(rows.map(({ name }) => name));
  for (const step of steps) {
    if (done.has(step.table)) continue;
    await sql.unsafe(step.sql);
    onStep(step);
  }
}
