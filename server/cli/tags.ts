/** `--tag name=pattern`, given as often as there are tags. */
import { UsageError } from "./failure.ts";
import { safeText } from "./text.ts";

/** Patterns by the name of their tag; of a name given twice the later one. Throws UsageError. */
export function tagPatterns(tags: readonly string[]): Record<string, string> {
  return Object.fromEntries(tags.map((tag) => {
    const at = tag.indexOf("=");
    if (at > 0 && at < tag.length - 1) return [tag.slice(0, at), tag.slice(at + 1)];
    throw new UsageError(`--tag must be name=pattern: current value is "${safeText(tag)}"`);
  }));
}
