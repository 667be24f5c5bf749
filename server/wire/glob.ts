/**
 * Patterns for names of hosts and metrics: `*` is any text, `?` any one character, everything else
 * itself. Brackets and braces are no signs here: names such as `x{code="200"}` hold them.
 */

/** Are names to be compared with a pattern of signs, not with one name? */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/**
 * Does `name` match as a whole? Takes the way back to the last `*` only, so the time is bounded by
 * the product of the lengths, whatever the pattern (a regular expression would try all ways).
 */
export function matchesGlob(pattern: string, name: string): boolean {
  const [signs, chars] = [[...pattern], [...name]];
  let sign = 0;
  let star = -1;
  let retry = 0;
  for (let char = 0; char < chars.length;) {
    if (signs[sign] === "*") {
      star = sign++;
      retry = char;
    } else if (sign < signs.length && (signs[sign] === "?" || signs[sign] === chars[char])) {
      sign++;
      char++;
    } else if (star >= 0) {
      sign = star + 1;
      char = ++retry;
    } else return false;
  }
  while (signs[sign] === "*") sign++;
  return sign === signs.length;
}

/** Does a name match one of the patterns? No patterns: every name does. */
export function globMatcher(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => true;
  return (name) => patterns.some((pattern) => matchesGlob(pattern, name));
}
