import assert from "node:assert/strict";
import {
  type CatalogTable,
  distribute,
  distributionPlan,
  distributionScript,
  runSteps,
  selectTables,
} from "../../db/distribute.ts";
import { MigrationError } from "../../db/migrate.ts";
import { runMonitor } from "../e2e/run_monitor.ts";
import { testDatabase } from "../support/test_database.ts";

function table(name: string, about: Partial<CatalogTable> = {}): CatalogTable {
  const unique_keys = [{ name: `${name}_pkey`, columns: ["host_id", "at"] }];
  const columns = ["host_id", "at"];
  return { name, is_partitioned: true, columns, unique_keys, foreign_keys: [], ...about };
}

Deno.test("distributionPlan() distributes what is large, copies what is read with it", () => {
  const small = { is_partitioned: false, columns: ["id"], unique_keys: [] };
  const plan = distributionPlan([
    table("report", { foreign_keys: [{ name: "report_host", to: "host" }] }),
    table("block_raw"),
    table("rule", small),
    table("host", small),
  ]);
  assert.deepEqual(plan.faults, []);
  assert.deepEqual(plan.steps.map(({ sql }) => sql), [
    "select create_reference_table('host')",
    "select create_distributed_table('block_raw', 'host_id')",
    "select create_distributed_table('report', 'host_id', colocate_with => 'block_raw')",
  ]);
  assert.deepEqual(plan.local, ["rule"]);
});

Deno.test("distributionPlan() says by name what cannot be distributed, and why", () => {
  const plan = distributionPlan([
    table("by_time", { unique_keys: [{ name: "by_time_pkey", columns: ["at"] }] }),
    table("hostless", { columns: ["at"] }),
    table("tied", { foreign_keys: [{ name: "tied_rule", to: "rule" }] }),
    table("rule", { is_partitioned: false }),
    table("well"),
  ]);
  assert.deepEqual(plan.faults, [
    { table: "by_time", reason: "its unique key by_time_pkey is without host_id" },
    { table: "hostless", reason: "it has no column host_id" },
    { table: "tied", reason: "its foreign key tied_rule refers to rule, which stays" },
  ]);
  assert.deepEqual(plan.steps.map((step) => step.table), ["well"]);
  assert.match(distributionScript(plan), /^-- by_time cannot be distributed: its unique key/);
});

Deno.test("every large table of this schema can be distributed", async () => {
  await using db = await testDatabase();
  const plan = distributionPlan(await selectTables(db.sql));
  assert.deepEqual(plan.faults, []);
  const named = (as: string) =>
    plan.steps.filter((step) => step.as === as).map((step) => step.table);
  assert.deepEqual(named("reference"), ["host", "host_shape", "metric", "shape"]);
  assert.deepEqual(named("distributed"), [
    "annotation",
    "block_1d",
    "block_1h",
    "block_5m",
    "block_raw",
    "report",
  ]);
  assert.ok(plan.local.includes("rule") && plan.local.includes("incident"));
});

Deno.test("distribute() on a PostgreSQL without Citus says so, and what to do", async () => {
  await using db = await testDatabase();
  await assert.rejects(distribute(db.sql, () => assert.fail("nothing is done")), (error) => {
    assert(error instanceof MigrationError);
    assert.equal(
      error.message,
      "Cannot distribute: this PostgreSQL does not have the extension citus",
    );
    assert.match(error.hint, /Citus cluster with --database-url; docs\/scale\.md/);
    return true;
  });
});

Deno.test("runSteps() does what is not done yet, and goes on after a failure", async () => {
  await using db = await testDatabase();
  const { sql } = db;
  // stands in for Citus: it knows what it was asked for, and fails at one table once
  await sql.unsafe(`
    create table pg_dist_partition (logicalrelid regclass);
    create table broken (name text);
    insert into broken values ('metric');
    create function create_reference_table(name text) returns void language plpgsql as $$
    begin
      if name in (select b.name from broken b) then raise exception 'no worker'; end if;
      insert into pg_dist_partition values (name::regclass);
    end $$;
    create function create_distributed_table(name text, by text, colocate_with text default '')
    returns void language sql as 'insert into pg_dist_partition values (name::regclass)';`);
  const plan = distributionPlan(await selectTables(sql));
  const done: string[] = [];
  const run = () => runSteps(sql, plan, ({ table }) => done.push(table));
  await assert.rejects(run(), /no worker/);
  assert.deepEqual(done, ["host", "host_shape"]);
  await sql`delete from broken`;
  await run();
  assert.deepEqual(done, plan.steps.map((step) => step.table));
  await run();
  assert.equal(done.length, plan.steps.length);
});

Deno.test("monitor migrate --distribute: exit code 1 without Citus; --dry-run prints it", async () => {
  await using db = await testDatabase();
  const migrate = (...args: string[]) =>
    runMonitor(["migrate", "--database-url", db.url, "--distribute", ...args]);
  const { code, out, err } = await migrate();
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /Cannot distribute: this PostgreSQL does not have the extension citus/);
  const dry = await migrate("--dry-run");
  assert.equal(dry.code, 0, dry.err);
  assert.match(dry.out, /^select create_distributed_table\('report', 'host_id', colocate/m);
  assert.match(dry.out, /^-- stay on the coordinator: access_\w+, /m);
  assert.equal((await migrate("--json")).code, 2);
});
