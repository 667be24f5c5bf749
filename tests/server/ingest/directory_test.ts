/** What becomes of new names while the database says nothing. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { connect } from "../../../db/connect.ts";
import { DeadlineError } from "../../../db/deadline.ts";
import { RenewedPool } from "../../../db/renewed_pool.ts";
import type { Report } from "../../../report.ts";
import { Directory } from "../../../server/ingest/directory.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";

const reportOf = (hostname: string): Report => ({
  hostname,
  at_ms: 0,
  has_own_time: true,
  names: ["cpu"],
  values: [1],
  annotations: [],
  facts: {},
});

Deno.test("new names are given up with a connection that says nothing, and those after them are learnt", async () => {
  await using database = await breakableDatabase();
  await using pool = new RenewedPool({
    connect: () => connect(database.url, { connections_max: 1 }),
    answer_ms_max: 2_000,
  });
  const limits = { hosts_max: 100, host_series_max: 100 };
  const directory = new Directory({ pool, clock: systemClock, limits });
  await directory.resolve([reportOf("a")]);
  database.forget();
  const lost = assert.rejects(directory.resolve([reportOf("b")]), DeadlineError);
  // its round has begun; the next report waits for the one after it
  await systemClock.sleep(1);
  const next = directory.resolve([reportOf("c")]);
  await lost;
  assert.equal((await next)[0]?.host?.hostname, "c");
  // its sender has come again
  assert.equal((await directory.resolve([reportOf("b")]))[0]?.host?.hostname, "b");
});
