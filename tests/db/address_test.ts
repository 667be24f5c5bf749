import assert from "node:assert/strict";
import {
  AddressError,
  displayAddress,
  redactUrl,
  resolveAddress,
  urlOf,
} from "../../db/address.ts";

Deno.test("resolveAddress() fills in defaults", () => {
  assert.deepEqual(resolveAddress({}), {
    host: "localhost",
    port: 5432,
    username: "monitor",
    password: undefined,
    database: "monitor",
    ssl: "disable",
  });
});

Deno.test("resolveAddress() reads every part of a URL, escapes included", () => {
  assert.deepEqual(
    resolveAddress("postgresql://us%40er:p%3Aw@db.example:6432/my%20db?sslmode=require"),
    {
      host: "db.example",
      port: 6432,
      username: "us@er",
      password: "p:w",
      database: "my db",
      ssl: "require",
    },
  );
});

Deno.test("resolveAddress() takes a socket directory and an IPv6 address from a URL", () => {
  const socket = resolveAddress("postgres://monitor@localhost/m?host=/run/postgresql");
  assert.equal(socket.host, "/run/postgresql");
  assert.equal(resolveAddress("postgres://monitor@/m?host=%2Frun%2Fpg").host, "/run/pg");
  assert.equal(resolveAddress("postgres://[::1]:5433/m").host, "::1");
});

Deno.test("urlOf() is read back by resolveAddress()", () => {
  for (
    const parts of [
      { host: "/a b/100%", username: "u@x", password: "p/?#:%", database: "d/e" },
      { host: "::1", port: 1 },
      { host: "db.example", ssl: "verify-full" as const },
    ]
  ) {
    assert.deepEqual(resolveAddress(urlOf(parts)), resolveAddress(parts));
  }
});

Deno.test("resolveAddress() refuses what it cannot understand without telling the password", () => {
  for (
    const url of [
      "mysql://u:secret@h/d",
      "postgres://u:secret@h:99999/d",
      "postgres://u:secret%@h/d",
      "postgres://u:secret@h/d?sslmode=sometimes",
      "postgres://u:secret@h/d?port=x",
      "u:secret@h",
    ]
  ) {
    assert.throws(() => resolveAddress(url), (error) => {
      assert(error instanceof AddressError, url);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});

Deno.test("displayAddress() shows no password", () => {
  assert.equal(
    displayAddress("postgres://u:secret@h:5432/d?sslmode=require"),
    "postgres://u@h:5432/d?sslmode=require",
  );
  assert.doesNotMatch(displayAddress("nonsense://u:secret@h"), /secret/);
});

Deno.test("redactUrl() hides passwords in any text", () => {
  assert.equal(
    redactUrl('cannot reach postgres://u:s3:c@ret@h/d and "redis://:x@h"'),
    'cannot reach postgres://u:***@h/d and "redis://:***@h"',
  );
  assert.equal(redactUrl("postgres://h/d?password=abc&x=1"), "postgres://h/d?password=***&x=1");
  assert.equal(redactUrl("https://example.org/a:b@c"), "https://example.org/a:b@c");
});
