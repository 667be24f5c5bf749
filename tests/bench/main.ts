/**
 * `deno task bench <name> [arguments]` runs `tests/bench/<name>.ts`. What a person wants to see goes
 * to stderr; the last line, on stdout, is one JSON object with every figure, for docs/BENCHMARKS.md
 * and for comparing runs.
 */

/** What a benchmark exports. `run` says on stderr what it is doing and returns its figures. */
export interface Bench {
  run(args: string[]): Promise<Record<string, unknown>>;
}

const FOLDER = new URL("./", import.meta.url);

/** Files that are benchmarks: those which export `run`, found without running them. */
export function listBenches(folder: URL = FOLDER): string[] {
  return [...Deno.readDirSync(folder)]
    .filter((entry) => entry.isFile && entry.name.endsWith(".ts") && entry.name !== "main.ts")
    .filter((entry) =>
      /^export (async )?function run\(/m.test(Deno.readTextFileSync(new URL(entry.name, folder)))
    )
    .map((entry) => entry.name.slice(0, -".ts".length))
    .sort();
}

function isBench(module: object): module is Bench {
  return "run" in module && typeof module.run === "function";
}

function print(file: { writeSync(bytes: Uint8Array): number }, text: string): void {
  file.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function main([name, ...args]: string[]): Promise<number> {
  const names = listBenches();
  if (name === undefined || !names.includes(name)) {
    const fault = name === undefined ? "" : `error: there is no bench "${name}"\n\n`;
    const list = names.map((one) => `  deno task bench ${one}`).join("\n") || "  (none yet)";
    print(Deno.stderr, `${fault}Benches:\n${list}`);
    return name === undefined ? 0 : 2;
  }
  const module: object = await import(new URL(`${name}.ts`, FOLDER).href);
  if (!isBench(module)) throw new Error(`BUG: tests/bench/${name}.ts exports no run()`);
  const figures = await module.run(args);
  print(Deno.stdout, JSON.stringify({ bench: name, ...figures }));
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
