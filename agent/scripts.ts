/**
 * Which collector files there are. The shipped ones stand beside the program (or inside it, when it
 * is compiled); the operator's are in folders, where a file of the same name replaces a shipped one.
 */
import { fileURLToPath } from "node:url";
import type { AgentConfig } from "./config.ts";

/** `shipped` scripts are part of the product and trusted with what they declare. */
export type ScriptOrigin = "shipped" | "user";

export interface ScriptFile {
  /** The file's name without its ending: what its metrics are called. */
  name: string;
  file: string | URL;
  origin: ScriptOrigin;
}

/** A folder that was asked for and cannot be read. The message is one line for the operator. */
export class ScriptFolderError extends Error {
  override readonly name = "ScriptFolderError";
  /** How the program ends because of it: the settings name a folder that is not there. */
  readonly exit_code = 2;
}

/** The operator's folder when nothing else is said; it need not exist. */
export const DEFAULT_SCRIPT_FOLDER = "./metrics";

const SHIPPED_FOLDER = new URL("../metrics/", import.meta.url);
const SCRIPT_NAME = /^([A-Za-z][\w-]{0,99})\.(ts|js|mjs)$/;

/** What a collector in a file of this name is called; undefined when it is none. */
export function nameOfScript(file_name: string): string | undefined {
  const name = SCRIPT_NAME.exec(file_name)?.[1];
  // A name with a second dot (disk.test.ts, monitor.d.ts) does not match; _test is a habit too.
  return name?.endsWith("_test") ? undefined : name;
}

/** All collectors of these settings, sorted by name. Throws ScriptFolderError. */
export async function findScripts(
  config: Pick<AgentConfig, "metrics" | "shipped">,
): Promise<ScriptFile[]> {
  const found = new Map<string, ScriptFile>();
  if (config.shipped) {
    for (const script of await scriptsIn(SHIPPED_FOLDER, "shipped")) found.set(script.name, script);
  }
  for (const folder of config.metrics ?? [DEFAULT_SCRIPT_FOLDER]) {
    // Started in the repository, "./metrics" is the shipped folder itself.
    if (await isShippedFolder(folder)) continue;
    const optional = config.metrics === undefined;
    for (const script of await scriptsIn(folder, "user", optional)) found.set(script.name, script);
  }
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The folders that are looked into, where they can change: what is inside a program cannot. */
export function scriptFolders(config: Pick<AgentConfig, "metrics" | "shipped">): string[] {
  const shipped = config.shipped && !Deno.build.standalone ? [fileURLToPath(SHIPPED_FOLDER)] : [];
  return [...shipped, ...config.metrics ?? [DEFAULT_SCRIPT_FOLDER]];
}

async function scriptsIn(
  folder: string | URL,
  origin: ScriptOrigin,
  optional = false,
): Promise<ScriptFile[]> {
  const scripts: ScriptFile[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const name = nameOfScript(entry.name);
      if (name === undefined || entry.isDirectory) continue;
      const file = folder instanceof URL ? new URL(entry.name, folder) : `${folder}/${entry.name}`;
      scripts.push({ name, file, origin });
    }
  } catch (error) {
    if (optional && error instanceof Deno.errors.NotFound) return [];
    const why = error instanceof Deno.errors.NotFound ? "it does not exist" : String(error);
    throw new ScriptFolderError(`Cannot read the folder of collectors "${folder}": ${why}`);
  }
  return scripts;
}

/** Whether this is the folder the program has its own collectors in. */
export async function isShippedFolder(folder: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([Deno.realPath(folder), Deno.realPath(SHIPPED_FOLDER)]);
    return a === b;
  } catch {
    // One of them does not exist: they are not the same.
    return false;
  }
}
