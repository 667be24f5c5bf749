/**
 * The TypeScript files of this repository and who imports whom, as Deno itself resolves it. Paths
 * are relative to the top of the repository, with `/`.
 */
import { fileURLToPath, pathToFileURL } from "node:url";

const TOP = new URL("../../", import.meta.url);

/** Folders without code of ours. */
const SKIPPED = [".git", ".dev-data", "dist", "node_modules"];

export interface ModuleImport {
  from: string;
  /** A path of the repository, or the specifier of a library (`zod`, `node:path`). */
  to: string;
  /** `import type`: nothing is loaded. */
  type_only: boolean;
}

/** The files whose names end with `suffix`, sorted. */
export function listFiles(suffix: string, folder = ""): string[] {
  return [...Deno.readDirSync(new URL(folder, TOP))].flatMap((entry) => {
    if (entry.isDirectory) {
      return SKIPPED.includes(entry.name) ? [] : listFiles(suffix, `${folder}${entry.name}/`);
    }
    return entry.isFile && entry.name.endsWith(suffix) ? [`${folder}${entry.name}`] : [];
  }).sort();
}

/** Text of a file of the repository. */
export function readSource(path: string): string {
  return Deno.readTextFileSync(new URL(path, TOP));
}

interface GraphDependency {
  specifier: string;
  code?: { specifier?: string; error?: string };
  type?: { specifier?: string; error?: string };
}

interface Graph {
  modules: { specifier: string; error?: string; dependencies?: GraphDependency[] }[];
}

function pathOf(url: string): string | undefined {
  return url.startsWith(TOP.href) ? decodeURIComponent(url.slice(TOP.href.length)) : undefined;
}

/**
 * Every import between the given files, and from them to libraries. Throws Error when a file cannot
 * be parsed or an import cannot be resolved.
 */
export async function importsOf(files: readonly string[]): Promise<ModuleImport[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const lines = files.map((file) => `import ${JSON.stringify(new URL(file, TOP).href)};\n`);
    await Deno.writeTextFile(entry, lines.join(""));
    const output = await new Deno.Command(Deno.execPath(), {
      args: [
        "info",
        "--json",
        "--config",
        fileURLToPath(new URL("deno.json", TOP)),
        pathToFileURL(entry).href,
      ],
    }).output();
    if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
    // the shape of `deno info --json`, version 1; a wrong guess shows as "no imports" in the tests
    const graph = JSON.parse(new TextDecoder().decode(output.stdout)) as Graph;
    return graph.modules.flatMap((module) => {
      const from = pathOf(module.specifier);
      if (from === undefined) return [];
      if (module.error !== undefined) throw new Error(`${from}: ${module.error}`);
      return (module.dependencies ?? []).map(({ specifier, code, type }) => {
        const error = code?.error ?? type?.error;
        if (error !== undefined) throw new Error(`${from}: ${error}`);
        const to = pathOf((code ?? type)?.specifier ?? "") ?? specifier;
        return { from, to, type_only: code === undefined };
      });
    });
  } finally {
    await Deno.remove(entry);
  }
}
