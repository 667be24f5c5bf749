/**
 * Whether a JavaScript text imports anything. Refused, because a Worker's permissions do not hold
 * there: in a compiled program `import()` of a file on disk is not asked for permission, and an
 * import whose name is written out may be fetched before permissions are looked at.
 *
 * This is not a parser. Telling comments, texts and regular expressions from code is where a small
 * parser can be fooled, so the whole text is looked at, comments and texts included: nothing can be
 * hidden from it. The price is that a comment or text that *looks* like an import is refused too.
 * Every step only goes forward, so that no text makes it slow.
 */

const IDENTIFIER_END = /[\s,/;:(){}[\]=."'`*]/;
const LINE_END = /[\n\r\u2028\u2029]/g;
/** Words that may stand between `import` and the name. */
const PHASES = new Set(["defer", "source"]);

/** The first index at or after `from` that is neither white space nor comment. */
function afterGap(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    if (/\s/.test(text.charAt(at))) at += 1;
    else if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2);
      if (end === -1) return text.length;
      at = end + 2;
    } else if (text.startsWith("//", at)) {
      LINE_END.lastIndex = at;
      at = LINE_END.exec(text)?.index ?? text.length;
    } else return at;
  }
  return at;
}

function wordAt(text: string, from: number): string {
  let to = from;
  while (to < text.length && !IDENTIFIER_END.test(text.charAt(to))) to += 1;
  return text.slice(from, to);
}

/** `at` is behind the word `import`. The end of the text counts: a comment may be unfinished. */
function isImport(text: string, at: number): boolean {
  const begin = afterGap(text, at);
  if (begin >= text.length || `("'{*.`.includes(text.charAt(begin))) return true;
  const name = wordAt(text, begin);
  if (name === "") return false;
  // Nobody writes names with escapes, and they may hold any of the characters looked for here.
  if (name.includes("\\")) return true;
  const next = afterGap(text, begin + name.length);
  if (next >= text.length || text.charAt(next) === ",") return true;
  return PHASES.has(name) || wordAt(text, next) === "from";
}

/** `at` is behind the word `export`: only `export * …` and `export {…} from …` import. */
function isReexport(text: string, at: number): boolean {
  const begin = afterGap(text, at);
  if (text.charAt(begin) === "*") return true;
  if (text.charAt(begin) !== "{") return false;
  const end = text.indexOf("}", begin);
  // Quoted names and comments may hold a brace of their own; nobody writes them here.
  if (end === -1 || /["'/]/.test(text.slice(begin, end))) return true;
  return wordAt(text, afterGap(text, end + 1)) === "from";
}

/** Where the text imports something, as a line number from 1; undefined when it does not. */
export function importLine(text: string): number | undefined {
  for (const match of text.matchAll(/\b(import|export)\b/g)) {
    const behind = match.index + match[0].length;
    const found = match[1] === "import" ? isImport(text, behind) : isReexport(text, behind);
    if (found) return text.slice(0, match.index).split("\n").length;
  }
  return undefined;
}
