import assert from "node:assert/strict";
import { Socket } from "node:net";
import { systemClock } from "../../clock.ts";
import { connect, parseInt8, tcpSocket } from "../../db/connect.ts";
import { codeOf, isConnectionFailure, isRetryable, isUniqueViolation } from "../../db/sqlstate.ts";
import { freePort } from "../support/free_port.ts";
import { testDatabase } from "../support/test_database.ts";

async function errorOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

/** A TCP port in front of the test server, which may listen on a unix socket only. */
function forward(address: { host?: string; port?: number }) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ends: Promise<unknown>[] = [];
  const { host = "", port = 5432 } = address;
  const serve = async () => {
    for await (const client of listener) {
      const server = host.startsWith("/")
        ? await Deno.connect({ transport: "unix", path: `${host}/.s.PGSQL.${port}` })
        : await Deno.connect({ hostname: host, port });
      ends.push(client.readable.pipeTo(server.writable).catch(() => {}));
      ends.push(server.readable.pipeTo(client.writable).catch(() => {}));
    }
  };
  const served = serve();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
      await Promise.all(ends);
    },
  };
}

Deno.test("connect() sets time zone and application name", async () => {
  await using db = await testDatabase({ application_name: "a test" });
  const rows = await db.sql`
    select current_setting('TimeZone') as zone, current_setting('application_name') as name
  `;
  assert.deepEqual({ ...rows[0] }, { zone: "UTC", name: "a test" });
});

Deno.test("connect() over TCP sets TCP_NODELAY and can COPY", async (t) => {
  await using db = await testDatabase();
  await using proxy = forward(db.address);
  const set: (boolean | undefined)[] = [];
  const original = Socket.prototype.setNoDelay;
  Socket.prototype.setNoDelay = function (on) {
    set.push(on);
    return original.call(this, on);
  };
  try {
    const sql = connect({ ...db.address, host: "127.0.0.1", port: proxy.port }, {
      connections_max: 1,
    });
    await t.step("copies", async () => {
      await sql`create table copied (x integer)`;
      const stream = await sql`copy copied from stdin`.writable();
      const ended = Promise.withResolvers<void>();
      stream.on("finish", ended.resolve).on("error", ended.reject);
      for (let x = 0; x < 1_000; x++) stream.write(`${x}\n`);
      stream.end();
      await ended.promise;
      const rows = await sql`select sum(x) as sum from copied`;
      assert.equal(rows[0]?.sum, 499_500);
    });
    await sql.end();
  } finally {
    Socket.prototype.setNoDelay = original;
  }
  assert.deepEqual(set, [true]);
});

Deno.test("tcpSocket() reports a refused connection by an event", async () => {
  const socket = tcpSocket("127.0.0.1", freePort());
  const error = await new Promise((resolve) => socket.once("error", resolve));
  assert.equal(codeOf(error), "ECONNREFUSED");
});

Deno.test("connect() does not lose places of its pool to failed connections", async () => {
  const sql = connect({ host: "127.0.0.1", port: freePort() }, { connections_max: 2 });
  for (let attempt = 0; attempt < 5; attempt++) {
    const error = await errorOf(sql`select 1`);
    assert.equal(codeOf(error), "ECONNREFUSED");
    assert(isConnectionFailure(error));
    assert(isRetryable(error));
  }
  await sql.end();
});

Deno.test("connect() makes a pool that can be ended as soon as it could not connect", async () => {
  const sql = connect({ host: "/nowhere" }, { connections_max: 1 });
  assert.equal(codeOf(await errorOf(sql`select 1`)), "ENOENT");
  // what it throws later would be nobody's: the runner fails on it
  sql.end({ timeout: 0 }).catch(() => {});
  await systemClock.sleep(20);
});

Deno.test("connect() does not split addresses at colons", async () => {
  const sql = connect({ host: "::1", port: 1 }, { connections_max: 1 });
  const error = await errorOf(sql`select 1`);
  assert(isConnectionFailure(error), String(error));
  await sql.end();
});

Deno.test("connect() reads int8 as a number, in arrays too, and refuses to round", async () => {
  await using db = await testDatabase();
  const rows = await db.sql`
    select ${
    2 ** 53 - 1
  }::int8 as largest, array[1, -2]::int8[] as list, count(*) as count from host
  `;
  assert.deepEqual({ ...rows[0] }, { largest: 2 ** 53 - 1, list: [1, -2], count: 0 });
  assert(await errorOf(db.sql`select ${"9007199254740993"}::int8 as x`) instanceof RangeError);
});

Deno.test("parseInt8() throws beyond 2^53", () => {
  assert.equal(parseInt8("-9007199254740991"), -9007199254740991);
  assert.throws(() => parseInt8("9007199254740992"), RangeError);
});

Deno.test("connect() carries milliseconds in and out without loss", async () => {
  await using db = await testDatabase();
  for (const at_ms of [0, 1, 1_700_000_000_123, 4_102_444_799_999]) {
    const rows = await db.sql`
      select (extract(epoch from to_timestamp(${at_ms}::float8 / 1000)) * 1000)::int8 as at_ms
    `;
    assert.equal(rows[0]?.at_ms, at_ms);
  }
});

Deno.test("connect() drops the server's notices without a log", async () => {
  await using db = await testDatabase();
  await db.sql.unsafe("do $$ begin raise notice 'hello'; end $$");
});

Deno.test("isUniqueViolation() knows a second row with the same key", async () => {
  await using db = await testDatabase();
  await db.sql`create table t (x integer primary key)`;
  await db.sql`insert into t values (1)`;
  const error = await errorOf(db.sql`insert into t values (1)`);
  assert(isUniqueViolation(error));
  assert(!isRetryable(error));
});

Deno.test("isRetryable() is true when the server ends the connection", async () => {
  await using db = await testDatabase({ connections_max: 1 });
  const error = await errorOf(db.sql`select pg_terminate_backend(pg_backend_pid())`);
  assert(isRetryable(error), String(error));
  // the pool connects again by itself, but may not have noticed the end yet
  let connected = false;
  while (!connected) {
    await db.sql`select 1`.then(() => connected = true, (again) => assert(isRetryable(again)));
  }
});

Deno.test("isRetryable() tells passing trouble from mistakes", () => {
  for (const code of ["53100", "53300", "57P01", "40001", "40P01", "08006", "ECONNRESET"]) {
    assert(isRetryable({ code }), code);
  }
  for (const code of ["23505", "42P01", "22P02", "28P01", "CONNECTION_ENDED", "UNDEFINED_VALUE"]) {
    assert(!isRetryable({ code }), code);
  }
  for (const value of [undefined, null, "08006", new Error("x"), { code: 7 }]) {
    assert(!isRetryable(value));
  }
});
