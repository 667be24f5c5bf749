import assert from "node:assert/strict";
import { CommandError } from "../../server/cli/failure.ts";
import { explainStart } from "../../server/start_failure.ts";

const EMBEDDED = {
  data_dir: "/data",
  webapp: { host: "127.0.0.1", port: 8888 },
  database: { kind: "embedded", max_connections: 10 },
} as const;

const EXTERNAL = {
  ...EMBEDDED,
  database: {
    kind: "external",
    address: { host: "db", username: "ann", password: "swordfish", database: "monitor" },
    max_connections: 10,
  },
} as const;

function told(error: Error, config: typeof EMBEDDED | typeof EXTERNAL = EMBEDDED): CommandError {
  const explained = explainStart(error, config);
  assert.ok(explained instanceof CommandError, `not explained: ${explained}`);
  return explained;
}

Deno.test("explainStart() tells why a port cannot be listened on", () => {
  const taken = told(new Deno.errors.AddrInUse("Address already in use (os error 98)"));
  assert.equal(taken.message, "Cannot listen on 127.0.0.1:8888");
  assert.match(taken.hint, /--port 8889/);
  const low = { ...EMBEDDED, webapp: { host: "::", port: 80 } };
  const denied = explainStart(new Deno.errors.PermissionDenied("denied"), low);
  assert.ok(denied instanceof CommandError);
  assert.equal(denied.message, "Cannot listen on [::]:80");
  assert.match(told(new Deno.errors.AddrNotAvailable("x")).hint, /--host/);
});

Deno.test("explainStart() tells what is wrong with an operator's database, without its password", () => {
  const cases: [string, RegExp][] = [
    ["ECONNREFUSED", /start PostgreSQL/],
    ["ENOTFOUND", /host name/],
    ["CONNECT_TIMEOUT", /firewall/],
    ["28P01", /password/],
    ["3D000", /createdb/],
    ["53300", /max_connections/],
    ["08006", /TLS/],
  ];
  for (const [code, hint] of cases) {
    const error = told(Object.assign(new Error("x"), { code }), EXTERNAL);
    assert.match(error.hint, hint, code);
    assert.match(error.message, /^Cannot use the database .*@db/);
    assert.doesNotMatch(error.message, /swordfish/);
  }
});

Deno.test("explainStart() tells of a data directory that cannot be one", () => {
  const error = told(new Deno.errors.AlreadyExists("File exists: mkdir '/data'"));
  assert.equal(error.message, 'Cannot use the data directory "/data"');
});

Deno.test("explainStart() leaves what has a hint, and mistakes of ours, as they are", () => {
  const hinted = Object.assign(new Deno.errors.AddrInUse("x"), { hint: "do this" });
  const same = [
    hinted,
    new TypeError("x is undefined"),
    Object.assign(new Error("no such column"), { code: "42703" }),
    // trouble inside our own PostgreSQL is ours
    Object.assign(new Error("x"), { code: "28P01" }),
    new Deno.errors.NotFound("No such file: open '/elsewhere'"),
  ];
  for (const error of same) assert.equal(explainStart(error, EMBEDDED), error);
});
