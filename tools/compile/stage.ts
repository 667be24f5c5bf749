/**
 * Lays out what is compiled: a tree like the repository's, with only what the program needs.
 *
 *   main.ts, agent/, db/, server/ …   the modules that can be reached from main.ts, and from those
 *                                     that are loaded by their place: Workers, programs of their own
 *   libraries/                        the npm packages, each one module
 *   agent/monitor.d.ts, db/… .sql …   whatever else lies in the folders of these modules, as it is;
 *                                     the page (server/web/static/) is built before
 *   metrics/                          the shipped collectors, as JavaScript
 *   db/embedded/packed/               PostgreSQL, or where it is to be found
 *   deno.json                         the version, and where the libraries are
 */
import { basename, dirname, join } from "node:path";
import { TypeStripper } from "../../agent/strip.ts";
import {
  ARCHIVE_NAME,
  type ArchiveDescription,
  DESCRIPTION_NAME,
  PACKED_FOLDER,
} from "../../db/embedded/archive.ts";
import { importsOf, listFiles, readSource } from "../../tests/support/modules.ts";
import { bundleLibraries, type Library } from "./libraries.ts";
import { buildWeb } from "../web.ts";
import type { PackedPostgres } from "./postgres.ts";

export const TOP = new URL("../../", import.meta.url);
const START = "main.ts";
/** Not needed where Deno itself removes types, as all but the oldest supported version do. */
const STRIP_WORKER = "agent/strip_worker.ts";
/** Golden files of checks, and what the page is built from: no program reads them. */
const NOT_READ = /^db\/schema\.sql$|^server\/web\/(?!static\/)|\/sources\.sha256$/;
/** What a browser loads begins here; the program has the result. */
const PAGE_START = "server/web/main.tsx";
const PACKED = `db/embedded/${PACKED_FOLDER}`;

export interface StageOptions {
  version: string;
  /** Whether the program brings a type stripper of its own, for the collectors of its users. */
  stripper: boolean;
  postgres: PackedPostgres | undefined;
  /** Where the archive is in the program's own file; without it, it is put into the tree. */
  postgres_offset?: number;
}

export interface Stage {
  dir: string;
  /** Modules, files and folders that no import leads to, relative to `dir`. */
  include: string[];
}

/** Makes `dir` anew. */
export async function makeStage(dir: string, options: StageOptions): Promise<Stage> {
  await Deno.remove(dir, { recursive: true }).catch(() => {});
  await buildWeb();
  const { modules, starts, specifiers } = await modulesOf(options);
  const data = dataFiles(modules, listFiles(""));
  for (const path of [...modules, ...data]) await copyInto(dir, path);
  const libraries = await bundleLibraries(specifiers, join(dir, "libraries"));
  await stripCollectors(dir);
  if (options.postgres !== undefined) await putPostgres(dir, options.postgres, options);
  await Deno.writeTextFile(join(dir, "deno.json"), configText(options.version, libraries));
  const folders = ["metrics", ...options.postgres === undefined ? [] : [PACKED]];
  return { dir, include: [...starts, ...data, ...folders] };
}

/**
 * What modules read as files: everything in their top-level folders that is no module itself. So
 * whoever adds such a file need not name it here.
 */
export function dataFiles(modules: readonly string[], files: readonly string[]): string[] {
  const folders = new Set(
    modules.filter((path) => path.includes("/")).map((path) => path.split("/")[0]),
  );
  return files.filter((path) =>
    path.includes("/") && folders.has(path.split("/")[0]) && !NOT_READ.test(path) &&
    (!/\.tsx?$/.test(path) || path.endsWith(".d.ts"))
  );
}

/** The libraries the program and its page need, by the names they are imported with. */
export async function programLibraries(): Promise<string[]> {
  const { specifiers } = await modulesOf({ stripper: true });
  const page = (await importsOf([PAGE_START])).filter(({ to }) => !/\.tsx?$/.test(to));
  return [...specifiers, ...page.map(({ to }) => to)];
}

/** What the program consists of: modules that are loaded by their place are found by how they are. */
async function modulesOf({ stripper }: Pick<StageOptions, "stripper">) {
  const by_place: string[] = [];
  const modules = new Set<string>();
  const specifiers = new Set<string>();
  for (let starts = [START]; starts.length > 0;) {
    const edges = (await importsOf(starts)).filter((edge) => !edge.type_only);
    for (const { to } of edges.filter(({ to }) => !isFile(to) && !to.startsWith("node:"))) {
      specifiers.add(to);
    }
    const found = [...starts, ...edges.map(({ to }) => to).filter(isFile)];
    const added = found.filter((path) => !modules.has(path) && modules.add(path));
    starts = added.flatMap((path) => placesIn(path, readSource(path))).filter((path) =>
      !modules.has(path) && (stripper || path !== STRIP_WORKER)
    );
    by_place.push(...starts);
  }
  return { modules: [...modules], starts: by_place, specifiers: [...specifiers].sort() };
}

/** Our own files begin with a top-level name and have an ending; libraries do not. */
function isFile(path: string): boolean {
  return /^[\w.-]+(\/[\w.-]+)*\.(ts|json)$/.test(path);
}

/** The modules of ours that the text of `path` names by their place: `new URL("./worker.ts", …)`. */
export function placesIn(path: string, text: string): string[] {
  const pattern = /new URL\(\s*"(\.[^"]+\.tsx?)",\s*import\.meta\.url,?\s*\)/g;
  return [...text.matchAll(pattern)]
    .map(([, relative]) => join(dirname(path), relative ?? "").replaceAll("\\", "/"))
    .filter((place) => !place.endsWith(".d.ts"));
}

async function copyInto(dir: string, path: string): Promise<void> {
  const target = join(dir, path);
  await Deno.mkdir(dirname(target), { recursive: true });
  await Deno.copyFile(new URL(path, TOP), target);
}

/** So that an agent with nothing but shipped collectors needs no type stripper. */
async function stripCollectors(dir: string): Promise<void> {
  using stripper = new TypeStripper();
  await Deno.mkdir(join(dir, "metrics"));
  for await (const entry of Deno.readDir(new URL("metrics", TOP))) {
    if (!/^\w+\.ts$/.test(entry.name)) continue;
    const stripped = await stripper.strip(readSource(`metrics/${entry.name}`));
    if ("fault" in stripped) throw new Error(`metrics/${entry.name}: ${stripped.fault}`);
    await Deno.writeTextFile(
      join(dir, "metrics", `${basename(entry.name, ".ts")}.js`),
      stripped.text,
    );
  }
}

async function putPostgres(
  dir: string,
  postgres: PackedPostgres,
  { postgres_offset }: Pick<StageOptions, "postgres_offset">,
): Promise<void> {
  const folder = join(dir, PACKED);
  await Deno.mkdir(folder, { recursive: true });
  const { path, ...known } = postgres;
  const description: ArchiveDescription = { ...known, offset: postgres_offset };
  await Deno.writeTextFile(join(folder, DESCRIPTION_NAME), JSON.stringify(description));
  if (postgres_offset === undefined) await Deno.copyFile(path, join(folder, ARCHIVE_NAME));
}

function configText(version: string, libraries: readonly Library[]): string {
  const imports = Object.fromEntries(
    libraries.map(({ specifier, file }) => [specifier, `./libraries/${file}`]),
  );
  return JSON.stringify({ version, unstable: ["worker-options", "no-legacy-abort"], imports });
}
