/** docs/sql.md: every statement works as it stands, and the role that it makes can do it all. */
import assert from "node:assert/strict";
import { testDatabase } from "../support/test_database.ts";
import { type HostData, insertHost, prepare, type Sample } from "./sql_hosts.ts";

const HOUR_MS = 3_600_000;
const T0 = Date.UTC(2026, 10, 22);
const NOW = "timestamptz '2026-11-22 05:00+00'";

const page = await Deno.readTextFile(new URL("../../docs/sql.md", import.meta.url));

function statements(): string[] {
  return [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, text]) => text ?? "");
}

/** What stands for something else: Grafana's variables and macros, and the time. */
function filledIn(text: string, role: string): string {
  return text
    .replaceAll("$host", "web-1")
    .replaceAll("$metric", "cpu_usage")
    .replaceAll("$__timeFrom()", "'2026-11-22T00:00:00Z'")
    .replaceAll("$__timeTo()", "'2026-11-22T06:00:00Z'")
    .replaceAll("$__interval_ms", "60000")
    .replaceAll("now()", NOW)
    .replaceAll("grafana", role);
}

/** A sample every ten minutes of the first `hours`; the hour of the last one is hot. */
function hostOf(hostname: string, kind: HostData["kind"], hours: number): HostData {
  const samples = Array.from(
    { length: hours * 6 },
    (_, i): Sample => [T0 + i * HOUR_MS / 6 + HOUR_MS / 6 - 60_000, i],
  );
  const stateOf = (start_ms: number) =>
    start_ms === T0 + (hours - 1) * HOUR_MS
      ? { place: "hot", rollup: "missing" } as const
      : { place: "block", rollup: "done" } as const;
  return { hostname, kind, shapes: [{ shape_id: 1, samples, stateOf, isOldDay: () => false }] };
}

Deno.test("docs/sql.md shows statements that work", async () => {
  await using db = await testDatabase({ connections_max: 1 });
  await prepare(db.sql);
  await db.sql`update metric set name = 'cpu_usage' where name = 'gauge'`;
  await db.sql`update metric set name = 'http_requests_total' where name = 'counter'`;
  for (const [name, hours] of [["web-1", 5], ["web-2", 2]] as const) {
    await insertHost(db.sql, hostOf(name, "gauge", hours));
  }
  await db.sql`update host set tags = '{"env": "production"}'`;
  const role = `reader_${crypto.randomUUID().slice(0, 8)}`;
  const [recipe = "", ...queries] = statements();
  assert.ok(recipe.includes("create role") && queries.length >= 12);
  try {
    await db.sql.unsafe(filledIn(recipe, role));
    await db.sql.unsafe(`set role ${role}`);
    for (const query of queries) {
      const rows = await db.sql.unsafe(filledIn(query, role));
      assert.ok(rows.length > 0, `no rows: ${query}`);
    }
    await assert.rejects(async () => await db.sql`delete from host`, /permission denied/);
    await assert.rejects(async () => await db.sql`select * from annotation`, /permission denied/);
  } finally {
    await db.sql.unsafe(`reset role; drop owned by ${role}; drop role ${role}`);
  }
});
