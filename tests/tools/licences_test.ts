import assert from "node:assert/strict";
import { isAllowed, licenceOf, lockedPackages } from "../../tools/licences.ts";

Deno.test("lockedPackages() reads names and versions, each package once", () => {
  const npm = {
    "zod@4.6.7": {},
    "@scope/a@1.0.0_peer@2.0.0": {},
    "@scope/a@1.0.0_peer@3.0.0": {},
    "b@1.0.0-beta.17": {},
  };
  assert.deepEqual(lockedPackages({ npm }), [
    { name: "zod", version: "4.6.7" },
    { name: "@scope/a", version: "1.0.0" },
    { name: "b", version: "1.0.0-beta.17" },
  ]);
  assert.deepEqual(lockedPackages({}), []);
});

Deno.test("isAllowed() understands SPDX expressions", () => {
  const cases: [string, boolean][] = [
    ["MIT", true],
    ["(MIT OR GPL-3.0)", true],
    ["MIT AND Apache-2.0", true],
    ["MIT AND GPL-3.0", false],
    ["GPL-3.0-only", false],
    ["SEE LICENSE IN LICENSE", false],
    ["UNLICENSED", false],
    ["", false],
  ];
  for (const [licence, expected] of cases) assert.equal(isAllowed(licence), expected, licence);
});

Deno.test("licenceOf() reads the present and the older forms", () => {
  assert.equal(licenceOf({ license: "MIT" }), "MIT");
  assert.equal(licenceOf({ license: { type: "ISC" } }), "ISC");
  assert.equal(licenceOf({ licenses: [{ type: "MIT" }, { type: "ISC" }] }), "MIT OR ISC");
  assert.equal(licenceOf({}), undefined);
});
