import assert from "node:assert/strict";
import fc from "fast-check";
import { agoText, NOTHING, valueText } from "../../../server/web/format.ts";

/** Thin spaces as spaces, to be read here. */
function plain(text: string): string {
  return text.replaceAll("\u2009", " ");
}

Deno.test("valueText() has three significant digits and the unit people use", () => {
  const of = (...[value, unit, rate]: Parameters<typeof valueText>) =>
    plain(valueText(value, unit, rate));
  assert.equal(of(46.123, "%"), "46.1 %");
  assert.equal(of(100, "percent"), "100 %");
  assert.equal(of(0, "B"), "0 B");
  assert.equal(of(1_536, "B"), "1.5 KiB");
  assert.equal(of(25_296_896_000, "B"), "23.6 GiB");
  assert.equal(of(1_048_576, "B", true), "1 MiB/s");
  assert.equal(of(1_234_567, null), "1.23 M");
  assert.equal(of(999.7, null), "1 k");
  assert.equal(of(12, "users"), "12 users");
  assert.equal(of(0.25, "s"), "250 ms");
  assert.equal(of(86_400, "s"), "24 h");
  assert.equal(of(0.5, "s", true), "50 %");
  assert.equal(of(-0, null), "0");
  assert.equal(of(0.0001234, null), "1.2e-4");
  assert.equal(of(1e300, "B"), "8.9e284 PiB");
  for (const nothing of [null, undefined, NaN, Infinity]) assert.equal(of(nothing, "%"), NOTHING);
});

Deno.test("valueText() never shows what is no number", () => {
  const units = fc.constantFrom("%", "B", "s", "ms", null, "users", "");
  fc.assert(fc.property(fc.double(), units, fc.boolean(), (value, unit, rate) => {
    const text = valueText(value, unit, rate);
    assert.doesNotMatch(text, /NaN|Infinity|undefined|null|(^|\s)-0(\s|$)/);
    assert(text.length <= 20, text);
  }));
});

Deno.test("agoText() is relative, both ways", () => {
  assert.deepEqual(
    [0, 30, 240, 7_200, 400_000, -3_600 * 3].map((ago) => plain(agoText(1e9 - ago, 1e9))),
    ["now", "30 s ago", "4 min ago", "2 h ago", "5 d ago", "in 3 h"],
  );
});
