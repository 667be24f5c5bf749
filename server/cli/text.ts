/**
 * Text for a terminal. Names come from hosts nobody has to trust: an escape sequence in one could
 * repaint the screen, a right-to-left mark could swap what stands left and right of it. And a
 * terminal counts cells: a Chinese letter has two, an accent of its own has none.
 */

/**
 * What must not reach a terminal as it is: C0 and C1 controls, line and paragraph separators,
 * invisible direction marks, half surrogates, tags and other format characters; and zero width
 * spaces, which make two names look like one. The joiner inside emoji (U+200D) may stay.
 */
// deno-lint-ignore no-control-regex -- control characters are exactly what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f]|(?!\u200d)[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Makes what could steer the terminal visible: a newline becomes `\u{a}`. */
export function safeText(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  return text.replace(UNSAFE, (unsafe) => `\\u{${unsafe.codePointAt(0)?.toString(16)}}`);
}

/** JSON that is the same value to a program, and harmless on a terminal. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    // JSON.stringify has escaped everything below U+0020 already; its own newlines are wanted
    /[\u007f-\u009f]|(?!\u200d)[\p{Cf}\p{Zl}\p{Zp}]/gu,
    (unsafe) =>
      [...Array(unsafe.length).keys()]
        .map((index) => `\\u${unsafe.charCodeAt(index).toString(16).padStart(4, "0")}`).join(""),
  );
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Scripts and forms of East Asian width W or F, and emoji shown as pictures. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6\ufe0f]/u;
const NARROW = /[\uff61-\uffdc]/;
const INVISIBLE = /^[\p{M}\p{Cf}]+$/u;

function graphemeWidth(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0;
  return WIDE.test(grapheme) && !NARROW.test(grapheme) ? 2 : 1;
}

/** Cells a safe text takes. */
export function textWidth(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let cells = 0;
  for (const { segment } of segmenter.segment(text)) cells += graphemeWidth(segment);
  return cells;
}

/** Cuts a safe text to at most `cells`, the last one being `…` where something was cut. */
export function cutText(text: string, cells: number): string {
  if (textWidth(text) <= cells) return text;
  if (cells < 1) return "";
  let cut = "";
  let left = cells - 1;
  for (const { segment } of segmenter.segment(text)) {
    left -= graphemeWidth(segment);
    if (left < 0) break;
    cut += segment;
  }
  return `${cut}…`;
}
