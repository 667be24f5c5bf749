/**
 * A page of an exporter, read in another way than the product reads it: cut at the last space of each
 * line, labels split by a pattern. Good enough for pages without escapes and times.
 */
import assert from "node:assert/strict";

/** Series of a page by their name with sorted labels; labels without a value are none. */
export function readPage(text: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    assert.ok(!line.includes("\\"), `this reading knows no escapes: ${line}`);
    const space = line.lastIndexOf(" ");
    const [name = "", labels = ""] = line.slice(0, space).split(/\{(.*)\}$/s);
    const sorted = (labels.match(/[^,="]+="[^"]*"/g) ?? [])
      .filter((label) => !label.endsWith('=""')).sort();
    const key = sorted.length === 0 ? name : `${name}{${sorted.join(",")}}`;
    assert.ok(!series.has(key), `${key} is there twice`);
    series.set(key, Number(line.slice(space + 1)));
  }
  return series;
}
