/**
 * What a JavaScript text imports. Nothing of it may reach a Worker, because a Worker's permissions do
 * not hold there: in a compiled program `import()` of a file on disk is not asked for permission, and
 * an import whose name is written out may be fetched before permissions are looked at. Imports of a
 * script's own files, in the plainest form there is, are found here to be replaced by what is in
 * those files (link.ts); all others are refused.
 *
 * This is not a parser. Telling comments, texts and regular expressions from code is where a small
 * parser can be fooled, so the whole text is looked at, comments and texts included: nothing can be
 * hidden from it. The price is that a comment or text that *looks* like an import is one.
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

/** An import of a file of one's own. `from` and `to` are where its name stands, quotes included. */
export interface OwnImport {
  specifier: string;
  from: number;
  to: number;
  /** Counted from 1. */
  line: number;
}

/** Names, braces and stars: nothing that could begin another expression. */
const CLAUSE = /[\w$\s,{}*]*/y;
const OWN_NAME = /(["'])(\.{1,2}\/[\w./-]{1,200})\1/y;

/** `at` is behind the word `import` or `export`, of which it is known that it imports. */
function ownImport(text: string, at: number): Omit<OwnImport, "line"> | undefined {
  CLAUSE.lastIndex = at;
  const clause = CLAUSE.exec(text)?.[0] ?? "";
  if (clause.trim() !== "" && !/(?:^|[\s}])from\s*$/.test(clause.slice(-200))) return undefined;
  const from = at + clause.length;
  OWN_NAME.lastIndex = from;
  const [name = "", , specifier] = OWN_NAME.exec(text) ?? [];
  return specifier === undefined ? undefined : { specifier, from, to: from + name.length };
}

/**
 * The own files that a text imports, in order; or `refused`, the line of an import that is of
 * anything else, or written in another way.
 */
export function ownImports(text: string): { imports: OwnImport[] } | { refused: number } {
  const imports: OwnImport[] = [];
  for (const match of text.matchAll(/\b(import|export)\b/g)) {
    const behind = match.index + match[0].length;
    const found = match[1] === "import" ? isImport(text, behind) : isReexport(text, behind);
    if (!found) continue;
    const line = text.slice(0, match.index).split("\n").length;
    const own = ownImport(text, behind);
    if (own === undefined) return { refused: line };
    imports.push({ ...own, line });
  }
  return { imports };
}
