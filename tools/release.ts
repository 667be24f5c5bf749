/**
 * `deno task release [--target NAME]… [--url URL] [--partial] [--output dist/release]`: everything
 * that is published of a version:
 *
 *   monitor-<version>-<target>, .gz   the executables
 *   monitor_<version>_<arch>.deb      Debian packages, where dpkg-deb is
 *   monitor-<version>.cdx.json        software bill of materials (CycloneDX)
 *   install.sh                        takes the right one, and only that
 *   Containerfile
 *   SHA256SUMS                        of all of these
 *
 * A target that cannot be built here is told with its reason, and fails the release unless --partial
 * says that the others are enough.
 */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { constants, gzipSync } from "node:zlib";
import { npmPostgresPackage } from "../db/embedded/npm_package.ts";
import { buildProgram, DIST, RuntimeMissingError } from "./compile/build.ts";
import { run, RunError } from "./compile/run.ts";
import { programLibraries, TOP } from "./compile/stage.ts";
import { type Target, targetNamed, TARGETS } from "./compile/target.ts";
import { cacheDirectories, licenceOf, lockedPackages, readManifest } from "./licences.ts";
import { containerFile } from "./release/container.ts";
import { makeDebianPackage } from "./release/debian.ts";
import { installScript } from "./release/install_script.ts";
import { billOfMaterials, type BillPackage } from "./release/sbom.ts";

interface Program {
  target: Target;
  file: string;
  sha256: string;
  deno: string;
}

interface Lock {
  npm?: Record<string, { integrity?: string; dependencies?: string[] }>;
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(path, TOP)));
}

async function sha256(path: string): Promise<string> {
  return createHash("sha256").update(await Deno.readFile(path)).digest("hex");
}

/** Builds what can be built; why something cannot is said and returned. */
async function buildAll(
  targets: readonly Target[],
  { folder, version }: { folder: string; version: string },
): Promise<{ programs: Program[]; missing: string[] }> {
  const programs: Program[] = [];
  const missing: string[] = [];
  for (const target of targets) {
    const file = `monitor-${version}-${target.name}${target.ending}`;
    const output = join(folder, file);
    try {
      const { deno, bytes } = await buildProgram({ target, output, version, say });
      const gz = gzipSync(await Deno.readFile(output), { level: constants.Z_BEST_COMPRESSION });
      await Deno.writeFile(`${output}.gz`, gz);
      say(`${file}: ${(bytes / 1e6).toFixed(1)} MB, ${(gz.length / 1e6).toFixed(1)} MB packed`);
      programs.push({ target, file, sha256: await sha256(output), deno });
    } catch (error) {
      if (!(error instanceof RuntimeMissingError)) throw error;
      missing.push(`${target.name}: ${error.message}`);
    }
  }
  return { programs, missing };
}

/** Debian packages of the programs for Linux; a reason where there are none. */
async function packageAll(
  programs: readonly Program[],
  { folder, version }: { folder: string; version: string },
): Promise<string | undefined> {
  const linux = programs.filter(({ target }) => target.os === "linux");
  try {
    await run("dpkg-deb", ["--version"]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof RunError)) throw error;
    return "Debian packages: there is no dpkg-deb here";
  }
  for (const { target, file } of linux) {
    say(await makeDebianPackage({ version, target, program: join(folder, file), folder }));
  }
  return undefined;
}

/** What deno.lock names, with licences, and what of it is in the program. */
async function billPackages(): Promise<BillPackage[]> {
  const lock = await readJson<Lock>("deno.lock");
  const directories = await cacheDirectories();
  const shipped = await shippedPackages(lock);
  return lockedPackages(lock).map(({ name, version }) => {
    const manifest = readManifest(directories, { name, version });
    const key = Object.keys(lock.npm ?? {}).find((one) =>
      one === `${name}@${version}` || one.startsWith(`${name}@${version}_`)
    );
    return {
      name,
      version,
      integrity: lock.npm?.[key ?? ""]?.integrity,
      licence: manifest && licenceOf(manifest),
      shipped: shipped.has(name),
    };
  });
}

/** Names of the packages that the program and its page consist of, with those they bring along. */
async function shippedPackages(lock: Lock): Promise<Set<string>> {
  const nameOf = (specifier: string) => /^(@[^/]+\/)?[^/@]+/.exec(specifier)?.[0] ?? specifier;
  const names = new Set((await programLibraries()).map(nameOf));
  // a set that grows while it is walked: what is brought along brings others along
  for (const name of names) {
    for (const [key, { dependencies = [] }] of Object.entries(lock.npm ?? {})) {
      if (nameOf(key) === name) { for (const one of dependencies) names.add(nameOf(one)); }
    }
  }
  return names;
}

/** Of the last commit, so that the same source makes the same bill. */
async function commitSeconds(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  if (given) return Number(given);
  const cwd = new URL(".", TOP).pathname;
  return Number((await run("git", ["log", "-1", "--format=%ct"], { cwd })).trim());
}

async function writeTexts(
  programs: readonly Program[],
  options: { folder: string; version: string; url: string | undefined },
): Promise<void> {
  const { folder, version, url } = options;
  const postgres = programs.map(({ target }) => npmPostgresPackage(target))
    .map((one) => ({ ...one, licence: "PostgreSQL", shipped: true }));
  const bill = billOfMaterials({
    version,
    at_s: await commitSeconds(),
    packages: await billPackages(),
    deno: [...new Set(programs.map(({ deno }) => deno))],
    postgres,
  });
  const texts = {
    [`monitor-${version}.cdx.json`]: `${JSON.stringify(bill, undefined, 2)}\n`,
    "install.sh": installScript({ version, url, programs }),
    "Containerfile": containerFile(version),
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
  await Deno.chmod(join(folder, "install.sh"), 0o755);
}

async function writeSums(folder: string): Promise<void> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name !== "SHA256SUMS").sort();
  const lines: string[] = [];
  for (const name of names) lines.push(`${await sha256(join(folder, name))}  ${name}\n`);
  await Deno.writeTextFile(join(folder, "SHA256SUMS"), lines.join(""));
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      target: { type: "string", multiple: true },
      url: { type: "string" },
      partial: { type: "boolean", default: false },
      output: { type: "string" },
    },
  });
  const targets = values.target === undefined ? TARGETS : values.target.map(targetNamed);
  const folder = resolve(values.output ?? join(DIST, "release"));
  const { version } = await readJson<{ version: string }>("deno.json");
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  const { programs, missing } = await buildAll(targets, { folder, version });
  if (programs.length > 0) {
    const reason = await packageAll(programs, { folder, version });
    if (reason !== undefined) missing.push(reason);
    await writeTexts(programs, { folder, version, url: values.url });
    await writeSums(folder);
    say(`\nIn ${folder}:\n${await Deno.readTextFile(join(folder, "SHA256SUMS"))}`);
  }
  for (const reason of missing) say(`Not built: ${reason}`);
  return programs.length > 0 && (missing.length === 0 || values.partial) ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
