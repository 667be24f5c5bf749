import assert from "node:assert/strict";
import fc from "fast-check";
import { globMatcher, isPattern, matchesGlob } from "../../../server/wire/glob.ts";

Deno.test("matchesGlob() gives what a regular expression gives", () => {
  const text = fc.array(fc.constantFrom("a", "b", ".", "{", "😀"), { maxLength: 8 });
  const pattern = fc.array(fc.constantFrom("a", "b", ".", "{", "😀", "*", "?"), { maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (signs, chars) => {
      const source = signs.map((sign) =>
        sign === "*" ? ".*" : sign === "?" ? "." : RegExp.escape(sign)
      );
      const expected = new RegExp(`^${source.join("")}$`, "u").test(chars.join(""));
      assert.equal(matchesGlob(signs.join(""), chars.join("")), expected);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("matchesGlob() ends on a pattern that makes a regular expression try all ways", () => {
  assert.equal(matchesGlob("*a".repeat(300) + "*b", "a".repeat(1_000)), false);
});

Deno.test("globMatcher() takes any of its patterns, and everything when there is none", () => {
  assert.deepEqual(["a", "b", "c1"].filter(globMatcher(["a", "c?"])), ["a", "c1"]);
  assert.equal(globMatcher([])("anything"), true);
  assert.deepEqual(["a", "a*", 'x{code="200"}'].map(isPattern), [false, true, false]);
});
