import assert from "node:assert/strict";
import fc from "fast-check";
import { FailureTable } from "../../../server/access/failures.ts";
import { allows } from "../../../server/access/principal.ts";
import { hashOf, isHashOf, makeToken, nameOf } from "../../../token.ts";

Deno.test("makeToken() gives texts that are recognised, and never the same", () => {
  const made = Array.from({ length: 200 }, makeToken);
  assert.equal(new Set(made.map(({ text }) => text)).size, made.length);
  for (const { name, text, hash } of made) {
    assert.match(text, /^mon_[2-9a-km-z]{8}_[\w-]{43}$/);
    assert.equal(nameOf(text), name);
    assert.deepEqual(hashOf(text), hash);
    assert.ok(isHashOf(text, hash));
    assert.ok(!isHashOf(`${text.slice(0, -2)}AA`, hash) || text.endsWith("AA"));
  }
});

Deno.test("nameOf() takes nothing else for a token", () => {
  const { text } = makeToken();
  for (const other of ["", "mon_", text.slice(1), `${text}x`, ` ${text}`, text.toUpperCase()]) {
    assert.equal(nameOf(other), undefined, other);
  }
  fc.assert(fc.property(fc.string(), (other) => nameOf(other) === undefined));
});

Deno.test("allows(): each role may do what those before it may, agents write only", () => {
  const needed = ["public", "agent", "viewer", "operator", "admin"] as const;
  const table = Object.fromEntries(
    (["agent", "viewer", "operator", "admin"] as const).map((role) => [
      role,
      needed.filter((one) => allows(role, one)).join(" "),
    ]),
  );
  assert.deepEqual(table, {
    agent: "public agent",
    viewer: "public viewer",
    operator: "public agent viewer operator",
    admin: "public agent viewer operator admin",
  });
});

Deno.test("FailureTable slows an address after ten failures, twice as much each time, and forgets", () => {
  const table = new FailureTable();
  for (let i = 0; i < 9; i++) table.failed("a", i);
  assert.equal(table.waitMs("a", 9), 0);
  table.failed("a", 10);
  assert.equal(table.waitMs("a", 10), 1_000);
  assert.equal(table.waitMs("b", 10), 0);
  table.failed("a", 2_000);
  assert.equal(table.waitMs("a", 2_000), 2_000);
  for (let i = 0; i < 20; i++) table.failed("a", 3_000);
  assert.equal(table.waitMs("a", 3_000), 60_000);
  assert.equal(table.waitMs("a", 63_000), 0);
  table.failed("a", 3_000 + 600_001);
  assert.equal(table.waitMs("a", 3_000 + 600_001), 0);
});

Deno.test("FailureTable stays small, whoever guesses", () => {
  const table = new FailureTable();
  for (let i = 0; i < 30_000; i++) table.failed(`address ${i}`, i);
  assert.equal(table.size, 10_000);
});
