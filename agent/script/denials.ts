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

/** What a watched script prints when it is denied something; no script would begin a line so. */
const MARK = "\u0000denied ";

/** The message of a denial that a watched script printed; undefined for anything else. */
export function watchedDenial(printed: string): string | undefined {
  return printed.startsWith(MARK) ? printed.slice(MARK.length) : undefined;
}

/**
 * Put in front of a script's text, so that a denial is seen which the script catches and says nothing
 * of. It stands between the script and `Deno` and decides nothing; one line, so that lines keep their
 * numbers.
 */
export const WATCHING = `
const [Deno, fetch] = ((real, realFetch) => {
  const seen = new Set();
  const note = (error) => {
    if (error?.name === "NotCapable" && !seen.has(error.message)) {
      seen.add(error.message);
      console.debug(${JSON.stringify(MARK)} + error.message);
    }
    throw error;
  };
  const attempt = (work) => {
    try {
      const result = work();
      return result instanceof Promise ? result.catch(note) : result;
    } catch (error) {
      return note(error);
    }
  };
  const watched = (value, self) =>
    typeof value !== "function" ? value : new Proxy(value, {
      apply: (target, _this, args) => attempt(() => Reflect.apply(target, self, args)),
      construct: (target, args) => attempt(() => Reflect.construct(target, args)),
    });
  const within = (object) => new Proxy({}, {
    get: (_, key) => {
      const value = object[key];
      return key === "env" || key === "permissions" ? within(value) : watched(value, object);
    },
    has: (_, key) => key in object,
  });
  return [within(real), watched(realFetch, undefined)];
})(globalThis.Deno, globalThis.fetch);`.replaceAll(/\s*\n\s*/g, " ");
