/**
 * What is written into the search, and what it finds: words, all of which have to be in a host's name,
 * alias, location or tags; `tag:role=web` or `tag:role` for a tag alone, `-` in front for those
 * without it.
 */
import type { HostGlance } from "./api.ts";

type Described = Pick<HostGlance, "hostname" | "alias" | "location" | "tags">;
type Test = (host: Described) => boolean;

function readWord(word: string): Test {
  if (word.startsWith("-") && word.length > 1) {
    const test = readWord(word.slice(1));
    return (host) => !test(host);
  }
  if (!word.startsWith("tag:")) return (host) => searchText(host).includes(word);
  const [name = "", ...rest] = word.slice("tag:".length).split("=");
  const value = rest.length === 0 ? undefined : rest.join("=");
  return ({ tags }) =>
    Object.entries(tags).some(([own, its]) =>
      own.toLowerCase() === name && (value === undefined || its.toLowerCase() === value)
    );
}

function searchText({ hostname, alias, location, tags }: Described): string {
  const pairs = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  return [hostname, alias ?? "", location ?? "", ...pairs].join(" ").toLowerCase();
}

/** Whether a host is one of those that `text` looks for. What is in quotes is one word. */
export function readSearch(text: string): Test {
  const words = [...text.toLowerCase().matchAll(/(?:[^\s"]|"[^"]*"?)+/g)]
    .map(([word]) => word.replaceAll('"', "")).filter((word) => word !== "");
  const tests = words.map(readWord);
  return (host) => tests.every((test) => test(host));
}

/** How a tag is looked for. */
export function tagSearch(key: string, value: string): string {
  const word = `tag:${key}=${value}`;
  return /\s/.test(word) ? `"${word}"` : word;
}

/** Every tag of these hosts, `role=web`, by name, with how many hosts have it. */
export function tagsOf(hosts: Iterable<Described>): [string, number][] {
  const counts = new Map<string, number>();
  for (const { tags } of hosts) {
    for (const [key, value] of Object.entries(tags)) {
      const pair = `${key}=${value}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
  }
  return [...counts].sort(([a], [b]) => a < b ? -1 : 1);
}
