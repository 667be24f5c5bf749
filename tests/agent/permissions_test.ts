import assert from "node:assert/strict";
import fc from "fast-check";
import {
  excessText,
  mergedPermissions,
  normalPermissions,
  PERMISSION_SORTS,
  permissionExcess,
  type PermissionSet,
  permissionsText,
} from "../../agent/permissions.ts";
import { readScriptMetadata, seriesMetadata } from "../../agent/script_metadata.ts";

const ALLOWED: [declared: PermissionSet, policy: PermissionSet][] = [
  [{}, {}],
  [{ net: false, read: [] }, {}],
  [{ net: ["a:80"] }, { net: true }],
  [{ net: ["a:80"] }, { net: ["a"] }],
  [{ net: ["[::1]:80"] }, { net: ["[::1]"] }],
  [{ read: ["/var/log/x"] }, { read: ["/var/log"] }],
  [{ read: ["/var/log/x"] }, { read: ["/var/log/"] }],
  [{ read: ["/var/log"] }, { read: ["/var/log"] }],
  [{ env: ["PG_HOST"] }, { env: ["PG_*"] }],
  [{ run: ["ls"] }, { run: ["ls", "df"] }],
];
const REFUSED: [declared: PermissionSet, policy: PermissionSet][] = [
  [{ net: true }, { net: ["a"] }],
  [{ net: ["a"] }, {}],
  [{ net: ["a"] }, { net: ["a:80"] }],
  [{ net: ["a.b"] }, { net: ["a"] }],
  [{ net: ["a:80.evil"] }, { net: ["a"] }],
  [{ read: ["/var/logs"] }, { read: ["/var/log"] }],
  [{ read: ["/var/log/../../etc"] }, { read: ["/var/log"] }],
  [{ read: ["/"] }, { read: ["/var"] }],
  [{ env: ["PG"] }, { env: ["PG_*"] }],
  [{ run: ["/bin/ls"] }, { run: ["ls"] }],
  [{ write: ["/var/log/x"] }, { read: ["/var/log"] }],
];

for (const [declared, policy] of ALLOWED) {
  Deno.test(`permissionExcess(): ${JSON.stringify([declared, policy])} is allowed`, () => {
    assert.deepEqual(permissionExcess(declared, policy), []);
  });
}
for (const [declared, policy] of REFUSED) {
  Deno.test(`permissionExcess(): ${JSON.stringify([declared, policy])} is too much`, () => {
    assert.notDeepEqual(permissionExcess(declared, policy), []);
  });
}

const anyGrant = fc.oneof(fc.boolean(), fc.array(fc.constantFrom("a", "b", "a:1", "/a/b")));
const anySet: fc.Arbitrary<PermissionSet> = fc.record(
  Object.fromEntries(PERMISSION_SORTS.map((sort) => [sort, anyGrant])),
  { requiredKeys: [] },
);

Deno.test("permissionExcess(): what an operator adds, as told, is then allowed", () => {
  fc.assert(fc.property(anySet, anySet, (declared, policy) => {
    const text = excessText("x", { fault: "no", excess: permissionExcess(declared, policy) });
    const { x } = JSON.parse(text.slice(text.indexOf("{")));
    assert.deepEqual(permissionExcess(declared, mergedPermissions(policy, x)), []);
  }));
});

Deno.test("permissionExcess(): nothing is granted by a policy that has nothing", () => {
  fc.assert(fc.property(anySet, (declared) => {
    const wants = Object.values(normalPermissions(declared)).some((value) => value !== false);
    assert.equal(permissionExcess(declared, {}).length > 0, wants);
  }));
});

Deno.test("permissionsText() is for people", () => {
  assert.equal(permissionsText({ net: [] }), "none");
  assert.equal(permissionsText({ net: ["b", "a", "b"], run: true }), "net a, b; run everything");
});

Deno.test("readScriptMetadata() reads durations, and refuses what it does not know", () => {
  const read = (metric: unknown) => readScriptMetadata(JSON.stringify(metric));
  assert.deepEqual(readScriptMetadata(undefined), { metadata: {} });
  assert.deepEqual(read({ every: "1m", timeout: 2, unit: "%" }), {
    metadata: { every: 60_000, timeout: 2_000, unit: "%" },
  });
  const fault = (metric: unknown) => Reflect.get(read(metric), "fault");
  assert.match(fault({ every: "10ms" }), /^metric\.every: must be between 1 s and 24 h/);
  assert.match(fault({ permissions: { import: true } }), /metric\.permissions: .*import/);
  assert.match(fault({ permisions: {} }), /permisions/);
  assert.match(fault(3), /^metric: /);
});

Deno.test("seriesMetadata() takes the script's own for all, and what is said of one", () => {
  const metadata = {
    unit: "B",
    kind: "gauge" as const,
    description: "Disk",
    metrics: {
      used_percent: { unit: "%" },
      "root.used_percent": { description: "of /" },
      "": { unit: "%" },
    },
  };
  const of = (series: string) => seriesMetadata(series, { name: "disk", metadata });
  assert.deepEqual(of("disk"), { unit: "%", kind: "gauge", description: "Disk" });
  assert.deepEqual(of("disk.data.used_percent"), { unit: "%", kind: "gauge" });
  assert.deepEqual(of("disk.root.used_percent"), { unit: "%", kind: "gauge", description: "of /" });
  assert.deepEqual(of("disk.root.total"), { unit: "B", kind: "gauge" });
  assert.equal(seriesMetadata("a.toString", { name: "a", metadata: { metrics: {} } }), undefined);
});
