import assert from "node:assert/strict";
import fc from "fast-check";
import { cutText, safeJson, safeText, textWidth } from "../../../server/cli/text.ts";

Deno.test("safeText() shows what could steer a terminal", () => {
  const cases: [string, string][] = [
    ["plain name-1", "plain name-1"],
    ["\x1b[2Jgone", "\\u{1b}[2Jgone"],
    ["a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"],
    ["\x9b31m", "\\u{9b}31m"],
    ["a\x7fb", "a\\u{7f}b"],
    ["\u202egpj.exe", "\\u{202e}gpj.exe"],
    ["zero\u200bwidth", "zero\\u{200b}width"],
    ["line\u2028end", "line\\u{2028}end"],
    ["half\ud800", "half\\u{d800}"],
    ["Zürich 東京 👩‍🔬", "Zürich 東京 👩‍🔬"],
  ];
  for (const [text, expected] of cases) assert.equal(safeText(text), expected);
});

Deno.test("safeText() leaves no control character in any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(safeText(text), /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u);
      assert.equal(safeText(safeText(text)), safeText(text));
    }),
  );
});

Deno.test("safeJson() is the same value and harmless", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const json = safeJson({ [text]: [text] }, 2);
      assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ [text]: [text] })));
      assert.doesNotMatch(json, /(?!\n)[\p{Cc}\p{Zl}\p{Zp}]/u);
    }),
  );
  assert.equal(safeJson(["\x9b\u202e\u{e0001}"]), '["\\u009b\\u202e\\udb40\\udc01"]');
});

Deno.test("textWidth() counts cells, not characters", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["東京", 4],
    ["한국", 4],
    ["ｱｲｳ", 3],
    ["ＡＢ", 4],
    ["👩‍🔬", 2],
    ["🇨🇭", 2],
    ["─▁⣿", 3],
  ];
  for (const [text, cells] of cases) assert.equal(textWidth(text), cells, text);
});

Deno.test("cutText() never exceeds its cells and says that it cut", () => {
  assert.equal(cutText("hostname", 8), "hostname");
  assert.equal(cutText("hostname", 7), "hostna…");
  assert.equal(cutText("東京都", 4), "東…");
  assert.equal(cutText("東京都", 0), "");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat({ max: 20 }), (text, cells) => {
      const cut = cutText(safeText(text), cells);
      assert.ok(textWidth(cut) <= cells, `${textWidth(cut)} > ${cells}`);
    }),
  );
});
