/**
 * The libraries of the program, each made one module. `deno compile` would put the packages in as
 * they are, with those of tests and with everything no one imports: 17 MB, which every process
 * would hold in memory from its start. Bundled they are 1 MB.
 *
 * Our own modules are not bundled: they stay where they are to each other, so that Workers and files
 * beside them are found, and a stack says where something happened.
 */
import { join } from "node:path";
import { runDeno } from "./run.ts";

export interface Library {
  /** As it is imported: `zod`. */
  specifier: string;
  /** Its one module, in the folder that was asked for. */
  file: string;
}

/** Writes one module for each of the libraries into `folder`; what they share is in more of them. */
export async function bundleLibraries(
  specifiers: readonly string[],
  folder: string,
): Promise<Library[]> {
  const entries = join(folder, "entries");
  await Deno.mkdir(entries, { recursive: true });
  const libraries = specifiers.map((specifier) => ({
    specifier,
    file: `${specifier.replaceAll(/[^\w]+/g, "_").replace(/^_/, "")}.js`,
  }));
  const paths: string[] = [];
  for (const { specifier, file } of libraries) {
    // by name: a CommonJS module cannot be exported by star
    const names = Object.keys(await import(specifier)).filter((name) => name !== "module.exports");
    const path = join(entries, file);
    await Deno.writeTextFile(
      path,
      `export { ${names.join(", ")} } from ${JSON.stringify(specifier)};\n`,
    );
    paths.push(path);
  }
  await runDeno(["bundle", "--platform=deno", "--code-splitting", `--outdir=${folder}`, ...paths]);
  await Deno.remove(entries, { recursive: true });
  return libraries;
}
