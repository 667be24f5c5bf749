/** Numbers read from bytes: server/ingest/number.ts says what JSON.parse says. */
import assert from "node:assert/strict";
import { NumberReader } from "../../../server/ingest/number.ts";
import type { Target } from "../target.ts";
import { number } from "../words.ts";

const reader = new NumberReader();
// a byte order mark is no part of a number
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;
/** Digits that belong to no number: what is read here ends before them. */
const DANGLING = /^-?(?:0|[1-9]\d*)(?:\.(?!\d)|(?:\.\d+)?[eE](?![+-]?\d))/;

export const target: Target = {
  seeds: ["0", "-0", "1.5", "1e5", "12345678901234567890", "0.30000000000000004", "1.", "1e", "-"],
  dictionary: ["e", "E+", ".", "-", "0", "00", "e-400", "9007199254740993"],
  make: (rng) => number(rng) + (rng.chance(0.3) ? rng.pick([",", "}", " ", "x", ".", "e"]) : ""),
  check(input) {
    const text = decoder.decode(input);
    const [literal] = DANGLING.test(text) ? [undefined] : NUMBER.exec(text) ?? [undefined];
    const value = reader.read(input, 0);
    const right = literal === undefined ? NaN : Number(literal);
    if (!Number.isFinite(right)) return assert.ok(Number.isNaN(value), `${literal}: ${value}`);
    assert.ok(Object.is(value, right), `${literal}: ${value}, should be ${right}`);
    assert.equal(reader.end, literal?.length);
  },
};
