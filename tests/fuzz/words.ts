/** Pieces that are known to go wrong somewhere: numbers at limits, odd texts, odd JSON. */
import type { Rng } from "./rng.ts";

export const NUMBERS: readonly string[] = [
  ...["0", "-0", "1", "-1", "00", "1.", ".5", "+1", "1e3", "1E+3", "1e-7", "1e400", "-1e400"],
  ...["1e-400", "0.1", "0.30000000000000004", "5e-324", "2.2250738585072011e-308"],
  ...["9007199254740991", "9007199254740992", "9007199254740993", "18446744073709551615"],
  ...["9223372036854775807", "-9223372036854775808", "4294967295", "4294967296", "2147483648"],
  ...["123456789012345678901234567890", "0.000000000000000000000000000000123", "1e22", "1e23"],
  ...["1.7976931348623157e308", "1.7976931348623159e308", "NaN", "Infinity", "-Infinity", "0x10"],
  ...["1_000", "1,5", "١٢", "1700000000", "1700000000.123", "1700000000000", "99999999999999"],
];

export const TEXTS: readonly string[] = [
  ...[
    "",
    " ",
    "a",
    "host-1",
    "cpu.usage",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
  ],
  ...["é", "日本", "😀", "\ud800", "\udc00", "\u0000", "\u0001", "\u007f", "\u0085", "\u2028"],
  ...["\ufeff", "\ufffd", "a\nb", "a\r\nb", "a\tb", '"', "'", "\\", "\\u0000", '""', "a,b", "a;b"],
  ...[
    "#",
    "# error: x",
    "{}",
    "[]",
    "{{x}}",
    "${x}",
    "%s",
    "../../etc/passwd",
    "<script>",
    "-",
    "*",
  ],
  ...["?", "**", "a*b?c", "\u202e", "ﷺ", "x".repeat(300), "é".repeat(600), "=", ":", "|", "@", "~"],
];

export function number(rng: Rng): string {
  if (rng.chance(0.3)) return rng.pick(NUMBERS);
  const whole = rng.chance(0.5) ? String(rng.below(1_000)) : String(rng.u32());
  const sign = rng.chance(0.2) ? "-" : "";
  const digits = rng.pick([0, 0, 1, 2, 3, 6, 17]);
  const point = digits === 0
    ? ""
    : `.${Array.from({ length: digits }, () => rng.below(10)).join("")}`;
  const exponent = rng.chance(0.1) ? `e${rng.int(-330, 330)}` : "";
  return sign + whole + point + exponent;
}

export function word(rng: Rng): string {
  if (rng.chance(0.35)) return rng.pick(TEXTS);
  return rng.list(1, 12, () => rng.pick([..."abcxyzABZ019._-"])).join("");
}

/** A JSON text of anything; mostly well-formed. */
export function json(rng: Rng, depth = 3): string {
  const kind = rng.below(depth > 0 ? 8 : 5);
  if (kind === 0) return rng.pick(["null", "true", "false"]);
  if (kind <= 2) return number(rng);
  if (kind <= 4) return quotedText(rng, word(rng));
  if (kind === 5) return `[${rng.list(0, 8, () => json(rng, depth - 1)).join()}]`;
  return `{${
    rng.list(0, 8, () => `${quotedText(rng, word(rng))}:${json(rng, depth - 1)}`).join()
  }}`;
}

/** As JSON, now and then with all its characters escaped. */
export function quotedText(rng: Rng, text: string): string {
  if (rng.chance(0.95)) return JSON.stringify(text);
  const escaped = Array.from(
    { length: text.length },
    (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped.join("")}"`;
}

/** White space where a text may have it. */
export function gap(rng: Rng): string {
  return rng.chance(0.85) ? "" : rng.pick([" ", "  ", "\t", "\n", "\r\n", " \n "]);
}
