/** Units stand in names: `…_seconds`, `…_bytes_total`. */

const UNITS: Readonly<Record<string, string>> = { seconds: "s", bytes: "B", percent: "%" };

/** `seconds` of `…_commit_seconds` and of `…_seconds_total`; undefined when it is a plain number. */
export function unitSuffix(name: string): string | undefined {
  const [, suffix = ""] = /_([a-z]+)(?:_total)?$/.exec(name) ?? [];
  return Object.hasOwn(UNITS, suffix) ? suffix : undefined;
}

/** The same as reports write it: `s`, `B`. */
export function unitOf(name: string): string | undefined {
  return UNITS[unitSuffix(name) ?? ""];
}
