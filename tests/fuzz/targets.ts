/** The parsers that are fuzzed: one file each in targets/, its kept inputs in seeds/<name>/. */
import type { Target } from "./target.ts";

const FOLDER = new URL("./targets/", import.meta.url);
const SEEDS = new URL("./seeds/", import.meta.url);

/** All names, sorted. */
export function listTargets(): string[] {
  return [...Deno.readDirSync(FOLDER)].filter(({ name }) => name.endsWith(".ts"))
    .map(({ name }) => name.slice(0, -".ts".length)).sort();
}

function isTarget(value: unknown): value is Target {
  return typeof value === "object" && value !== null && "check" in value && "make" in value;
}

export async function loadTarget(name: string): Promise<Target> {
  const module: { target?: unknown } = await import(new URL(`${name}.ts`, FOLDER).href);
  if (!isTarget(module.target)) throw new Error(`BUG: targets/${name}.ts exports no target`);
  return module.target;
}

function folderOf(name: string): URL {
  return new URL(`${name}/`, SEEDS);
}

/** Inputs that have failed once, and must not again. */
export function keptInputs(name: string): Uint8Array[] {
  try {
    const files = [...Deno.readDirSync(folderOf(name))].filter(({ isFile }) => isFile);
    return files.map((file) => file.name).sort()
      .map((file) => Deno.readFileSync(new URL(file, folderOf(name))));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Keeps an input for ever; returns where it is. */
export async function keepInput(name: string, input: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(input)));
  const hex = [...digest.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await Deno.mkdir(folderOf(name), { recursive: true });
  const file = new URL(hex, folderOf(name));
  await Deno.writeFile(file, input);
  return `tests/fuzz/seeds/${name}/${hex}`;
}
