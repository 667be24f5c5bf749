/** What a script was denied, read from what it said about it: Deno names the permission in its error. */
import { PERMISSION_SORTS, type PermissionSort } from "../permissions.ts";

export interface Denial {
  sort: PermissionSort;
  /** Undefined when all of the sort was wanted. */
  value?: string;
}

const REQUIRES = /Requires (\w+) access(?: to "([^"]*)")?/g;

/** Every permission that one of these texts misses, once. */
export function denialsIn(texts: readonly string[]): Denial[] {
  const found = new Map<string, Denial>();
  for (const text of texts) {
    for (const [, word, value] of text.matchAll(REQUIRES)) {
      const sort = PERMISSION_SORTS.find((one) => one === word);
      // "all access" is what Deno wants for /proc and /sys, which nobody is given: host.read() is.
      if (sort !== undefined) found.set(`${sort} ${value}`, { sort, value });
    }
  }
  return [...found.values()];
}

/** "read /etc/passwd", "net". */
export function denialText({ sort, value }: Denial): string {
  return value === undefined ? sort : `${sort} ${value}`;
}
