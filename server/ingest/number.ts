/**
 * Reads one JSON number from bytes, exactly as `JSON.parse` would.
 *
 * A number of at most 15 significant digits is a whole number below 2^53, and powers of ten up to
 * 10^22 are exact doubles; one multiplication or division of two exact doubles is correctly
 * rounded (IEEE 754). That covers what monitoring sends and allocates nothing. Everything else
 * takes the slow way through `Number()`. (The rule is W. D. Clinger's fast path, "How to read
 * floating point numbers accurately", PLDI 1990.)
 */

const POWERS_OF_TEN = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
const DIGITS_EXACT_MAX = 15;
const POWER_EXACT_MAX = 22;

const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;

/** Reads numbers and remembers where the last one ended: two results without an object. */
export class NumberReader {
  /** Offset after the number read last. */
  end = 0;

  /** The number at `start`, or NaN when there is no JSON number (or one beyond any double). */
  read(bytes: Uint8Array, start: number): number {
    let at = start;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    let byte = bytes[at] ?? 0;
    if (byte < ZERO || byte > NINE) return NaN;
    let mantissa = 0;
    let digits = 0;
    if (byte === ZERO) {
      byte = bytes[++at] ?? 0;
    } else {
      do {
        mantissa = mantissa * 10 + (byte - ZERO);
        digits++;
        byte = bytes[++at] ?? 0;
      } while (byte >= ZERO && byte <= NINE);
    }
    let power = 0;
    if (byte === POINT) {
      byte = bytes[++at] ?? 0;
      if (byte < ZERO || byte > NINE) return NaN;
      const point = at;
      do {
        mantissa = mantissa * 10 + (byte - ZERO);
        // leading zeros of 0.000123 are not significant, but counting them is only cautious
        digits++;
        byte = bytes[++at] ?? 0;
      } while (byte >= ZERO && byte <= NINE);
      power = point - at;
    }
    if (byte === 0x65 || byte === 0x45) {
      at = this.#exponentEnd(bytes, at + 1);
      if (at < 0) return NaN;
      return this.#slow(bytes, start, at);
    }
    if (digits > DIGITS_EXACT_MAX || power < -POWER_EXACT_MAX) return this.#slow(bytes, start, at);
    this.end = at;
    const value = power === 0 ? mantissa : mantissa / (POWERS_OF_TEN[-power] ?? 1);
    return negative ? -value : value;
  }

  #exponentEnd(bytes: Uint8Array, start: number): number {
    let at = start;
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++;
    const first = at;
    while ((bytes[at] ?? 0) >= ZERO && (bytes[at] ?? 0) <= NINE) at++;
    return at === first ? -1 : at;
  }

  #slow(bytes: Uint8Array, start: number, end: number): number {
    this.end = end;
    let text = "";
    for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] ?? 0);
    const value = Number(text);
    return Number.isFinite(value) ? value : NaN;
  }
}
