/**
 * Which Python files there are in the operator's folders, and whether they may be run. They are told of
 * together: somebody who brings a folder of the original's has twenty of them, and one answer to give.
 */
import type { AgentConfig } from "../config.ts";
import { mergedPermissions } from "../permissions.ts";
import type { PythonScript } from "./python.ts";
import { DEFAULT_SCRIPT_FOLDER } from "../scripts.ts";
import { COLLECTOR_NAME } from "./settings.ts";

/** What is looked at. */
export type PythonSettings = Pick<AgentConfig, "metrics" | "permissions" | "python">;

export interface FoundPython {
  scripts: PythonScript[];
  /** Why the others are not run, in one sentence; undefined when there are none. */
  refused?: { files: string[]; reason: string };
  /** Those that may be run and cannot even be read. */
  unreadable: UnreadableFile[];
}

type PythonFile = Omit<PythonScript, "interpreter">;

interface UnreadableFile {
  name: string;
  file: string;
  reason: string;
}

/** A collector is a page or two; this is what is read to see whether a file is one. */
const FILE_BYTES_MAX = 1024 * 1024;
/** Named in one sentence. */
const NAMES_SHOWN = 5;

/** Finds the Python files in the folders, which the agent has read already. */
export async function findPython(config: PythonSettings): Promise<FoundPython> {
  const files = new Map<string, PythonFile>();
  const unreadable: UnreadableFile[] = [];
  for (const folder of config.metrics ?? [DEFAULT_SCRIPT_FOLDER]) {
    for (const found of await pythonFiles(folder)) {
      if ("changed_ms" in found) files.set(found.name, found);
      // Whether one that may not run is a collector is nobody's business.
      else if (isAllowed(found.name, config)) unreadable.push(found);
    }
  }
  const names = [...files.keys()].sort();
  const allowed = names.filter((name) => isAllowed(name, config));
  const refused = names.filter((name) => !allowed.includes(name));
  const interpreter = typeof config.python === "string" ? config.python : "python3";
  if (allowed.length > 0 && !await isThere(interpreter)) {
    const reason = `${listed(names)}: there is no ${interpreter} here, which runs Python files; ` +
      'install it, or set "python" to where it is';
    return { scripts: [], refused: { files: names, reason }, unreadable };
  }
  const scripts = [...files.values()].filter(({ name }) => allowed.includes(name))
    .map((script) => ({ ...script, interpreter }));
  if (refused.length === 0) return { scripts, unreadable };
  const single = JSON.stringify({ [refused[0] ?? ""]: { run: true } });
  const reason = `${listed(refused)}: Python files run with all rights of the agent's user, ` +
    `not in the sandbox; to allow all of them, add "python": true to the agent's settings, ` +
    `to allow one, add to its permissions.scripts: ${single}`;
  return { scripts, refused: { files: refused, reason }, unreadable };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).map((name) => `${name}.py`).join(", ");
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
  return `${shown}${more}`;
}

/** `python` for all of them, or the permission `run` for one. */
function isAllowed(name: string, { python, permissions }: PythonSettings): boolean {
  if (python !== undefined) return python !== false;
  const { default: common, scripts } = permissions;
  const own = Object.hasOwn(scripts, name) ? scripts[name] ?? {} : {};
  const { run } = mergedPermissions(common, own);
  return run === true || (Array.isArray(run) && run.includes("python3"));
}

async function pythonFiles(folder: string): Promise<(PythonFile | UnreadableFile)[]> {
  const found: (PythonFile | UnreadableFile)[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const name = entry.name.replace(/\.py$/, "");
      if (name === entry.name || entry.isDirectory || !COLLECTOR_NAME.test(name)) continue;
      if (/_test$|^test_|^conftest$|^setup$/.test(name)) continue;
      const file = await pythonFile(name, `${folder}/${entry.name}`);
      if (file !== undefined) found.push(file);
    }
  } catch (error) {
    // Folders that have to be there are looked for by scripts.ts.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

/** The collector in a file, or why that cannot be told; undefined when it is none. */
async function pythonFile(
  name: string,
  path: string,
): Promise<PythonFile | UnreadableFile | undefined> {
  try {
    const file = await Deno.realPath(path);
    const { isFile, size, mtime } = await Deno.stat(file);
    if (!isFile || size > FILE_BYTES_MAX) return undefined;
    if (!definesCollect(await Deno.readTextFile(file))) return undefined;
    return { name, file, changed_ms: mtime?.getTime() ?? 0 };
  } catch (error) {
    // Removed meanwhile, or a link to what is not there.
    if (error instanceof Deno.errors.NotFound) return undefined;
    const reason = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { name, file: path, reason };
  }
}

/** A module that others import lies in the same folder, and has none. */
function definesCollect(text: string): boolean {
  return /^(?:(?:async )?def collect\b|collect\s*=|from .* import .*\bcollect\b)/m.test(text);
}

async function isThere(program: string): Promise<boolean> {
  const isFile = (path: string) => Deno.stat(path).then((stat) => stat.isFile, () => false);
  if (/[\\/]/.test(program)) return await isFile(program);
  const windows = Deno.build.os === "windows";
  const folders = (Deno.env.get("PATH") ?? "").split(windows ? ";" : ":");
  const endings = windows ? [".exe", ".bat"] : [""];
  for (const folder of folders) {
    for (const ending of endings) if (await isFile(`${folder}/${program}${ending}`)) return true;
  }
  return false;
}
