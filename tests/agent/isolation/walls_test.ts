/** From permissions to what the kernel has to allow, and to who may share a process. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import fc from "fast-check";
import {
  grantedVariables,
  grantsCover,
  grantsOf,
  mergedGrants,
  NO_GRANTS,
  processGroup,
} from "../../../agent/isolation/walls.ts";
import type { PermissionSet } from "../../../agent/permissions.ts";

Deno.test("grantsOf() allows the ports that are named, and those of name servers", () => {
  const ports = (...net: string[]) => grantsOf({ net }).ports;
  assert.deepEqual(ports(), []);
  assert.deepEqual(ports("db.example:5432", "127.0.0.1:80", "[::1]:80"), [53, 80, 5432]);
  assert.equal(ports("localhost"), true);
  assert.equal(ports("localhost:80", "db.example"), true);
  assert.equal(ports("fe80::1"), true, "this is no port");
  assert.equal(grantsOf({ net: true }).ports, true);
  assert.deepEqual(grantsOf({ net: false }).ports, []);
});

Deno.test("grantsOf() makes paths absolute, and trusts programs and libraries", () => {
  assert.deepEqual(grantsOf({ read: ["/a/../b", "c"] }).read, ["/b", resolve("c")]);
  assert.equal(grantsOf({ write: true }).write, true);
  assert.ok(grantsOf({ run: ["df"] }).trusted);
  assert.ok(grantsOf({ ffi: true }).trusted);
  assert.ok(!grantsOf({ run: [], ffi: false }).trusted);
});

Deno.test("processGroup() lets share only what the kernel holds alike", () => {
  assert.equal(processGroup({}), processGroup({ sys: true, read: [] }));
  assert.equal(processGroup({ net: ["a:1"] }), processGroup({ net: true, sys: ["hostname"] }));
  const different: PermissionSet[] = [
    ...[{}, { net: true }, { read: ["/a"] }, { read: ["/b"] }, { write: ["/a"] }],
    ...[{ env: ["A"] }, { run: ["a"] }, { ffi: true }, { read: ["/a"], net: ["a:1"] }],
  ];
  assert.equal(new Set(different.map(processGroup)).size, different.length);
  assert.equal(processGroup({ read: ["/b", "/a"] }), processGroup({ read: ["/a", "/b"] }));
});

const permissionSet: fc.Arbitrary<PermissionSet> = fc.record({
  read: fc.option(fc.oneof(fc.boolean(), fc.array(fc.constantFrom("/a", "/b", "/c"))), {
    nil: undefined,
  }),
  net: fc.option(fc.oneof(fc.boolean(), fc.array(fc.constantFrom("a:1", "b:2", "c"))), {
    nil: undefined,
  }),
  env: fc.option(fc.oneof(fc.boolean(), fc.array(fc.constantFrom("A", "B*"))), { nil: undefined }),
  run: fc.option(fc.boolean(), { nil: undefined }),
});

Deno.test("grantsCover(): a union covers both of its parts, and nothing covers more than it has", () => {
  fc.assert(fc.property(permissionSet, permissionSet, (a, b) => {
    const [first, second] = [grantsOf(a), grantsOf(b)];
    const both = mergedGrants(first, second);
    assert.ok(grantsCover(both, first) && grantsCover(both, second));
    assert.equal(grantsCover(first, both), grantsCover(first, second));
  }));
  assert.ok(!grantsCover(NO_GRANTS, grantsOf({ net: ["a:1"] })));
  assert.ok(!grantsCover(grantsOf({ net: ["a:1"] }), grantsOf({ net: ["a:2"] })));
});

Deno.test("grantedVariables() lets through what is named, and by its beginning", () => {
  const environment = { APP_NAME: "a", APP_KEY: "b", HOME: "c" };
  assert.deepEqual(grantedVariables([], environment), {});
  assert.deepEqual(grantedVariables(["HOME", "NONE"], environment), { HOME: "c" });
  assert.deepEqual(grantedVariables(["APP_*"], environment), { APP_NAME: "a", APP_KEY: "b" });
  assert.deepEqual(grantedVariables(true, environment), environment);
});
