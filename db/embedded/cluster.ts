/**
 * The cluster: the directory with the databases. `initdb` fills a temporary directory, which is
 * renamed when everything is in it (and on disk: initdb flushes), including our database. A killed
 * attempt is removed and made again.
 */
import { join } from "node:path";
import { EmbeddedError, reasonOf } from "./error.ts";
import { exists, POSTGRES_MAJOR, removeLeftovers, temporaryName } from "./files.ts";
import { DATABASE_NAME, passwordFile, SUPERUSER_NAME } from "./listen.ts";
import { openTo, type PostgresUser } from "./user.ts";

export const INITIALISING_PREFIX = "initialising-";

/** The cluster's path. The major version is part of it: another one cannot read its files. */
export function clusterDirectory(postgres_dir: string): string {
  return join(postgres_dir, `cluster-${POSTGRES_MAJOR}`);
}

export interface RunOptions {
  /** Directory with `bin/`. */
  files_dir: string;
  user: PostgresUser | undefined;
  /** Working directory of the program; its user must be able to enter it. */
  cwd: string;
}

/** The path of one of PostgreSQL's programs. */
export function program(files_dir: string, name: "initdb" | "postgres"): string {
  return join(files_dir, "bin", Deno.build.os === "windows" ? `${name}.exe` : name);
}

/**
 * The environment of PostgreSQL's programs: nearly nothing, since PGDATA, PGPORT, LC_ALL and many
 * more would change what they do.
 */
export function postgresEnvironment(): Pick<Deno.CommandOptions, "clearEnv" | "env"> {
  if (Deno.build.os === "windows") return {};
  return { clearEnv: true, env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } };
}

/** Runs one of the programs to its end; throws `EmbeddedError` with its last words. */
async function run(
  name: "initdb" | "postgres",
  args: string[],
  options: RunOptions & { input: string; signal?: AbortSignal },
): Promise<void> {
  const { files_dir, user, cwd, input, signal } = options;
  const child = new Deno.Command(program(files_dir, name), {
    args,
    cwd,
    ...user,
    ...postgresEnvironment(),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  const writer = child.stdin.getWriter();
  // a program that has already failed does not read: its own words say more than the closed pipe
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { success, stderr, stdout } = await child.output();
  signal?.throwIfAborted();
  if (success) return;
  const words = new TextDecoder().decode(stderr) || new TextDecoder().decode(stdout);
  throw new EmbeddedError(`${name} failed: ${words.trim().split("\n").slice(-3).join(" / ")}`, {
    hint: "the message is PostgreSQL's own; most often the disk is full or the data directory " +
      "is not writable",
  });
}

async function initialise(
  dir: string,
  postgres_dir: string,
  options: RunOptions & {
    signal?: AbortSignal;
  },
): Promise<void> {
  const auth = Deno.build.os === "windows"
    ? ["--auth=scram-sha-256", `--pwfile=${await passwordFile(postgres_dir)}`]
    : ["--auth=trust"];
  await run("initdb", [
    `--pgdata=${dir}`,
    `--username=${SUPERUSER_NAME}`,
    "--encoding=UTF8",
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
    ...auth,
  ], { ...options, input: "" });
  // single-user mode: the cluster appears under its name with our database in it, or not at all
  await run("postgres", ["--single", "-j", "-D", dir, "postgres"], {
    ...options,
    input: `create database ${DATABASE_NAME};\n\n`,
  });
}

/**
 * A cluster of another major version is not passed over: a new and empty one beside it would look
 * like lost data. Throws `EmbeddedError`.
 */
export async function checkClusterVersion(postgres_dir: string): Promise<void> {
  const majors: number[] = [];
  for await (const { name, isDirectory } of Deno.readDir(postgres_dir)) {
    const [, major] = /^cluster-(\d+)$/.exec(name) ?? [];
    if (isDirectory && major !== undefined) majors.push(Number(major));
  }
  if (majors.length === 0 || majors.includes(POSTGRES_MAJOR)) return;
  const found = Math.max(...majors);
  const reason =
    `the database in "${postgres_dir}" is of PostgreSQL ${found}, this program brings ` +
    `${POSTGRES_MAJOR}`;
  throw new EmbeddedError(reason, {
    hint: found > POSTGRES_MAJOR
      ? "run the newer monitor that made it; nothing was changed"
      : "with the monitor that made it, monitor migrate --to a PostgreSQL of yours; with this one, " +
        "move it back with --to embedded (docs/upgrade.md); nothing was changed",
  });
}

/** Makes sure that the cluster exists; returns its path. Nobody else may work in `postgres_dir`. */
export async function prepareCluster(
  postgres_dir: string,
  options: RunOptions & { onInitialise?: () => void; signal?: AbortSignal },
): Promise<string> {
  const final = clusterDirectory(postgres_dir);
  await removeLeftovers(postgres_dir, INITIALISING_PREFIX);
  if (await exists(final)) return final;
  options.onInitialise?.();
  const temporary = temporaryName(postgres_dir, INITIALISING_PREFIX);
  await Deno.mkdir(temporary);
  await openTo(temporary, options.user, "own");
  try {
    await initialise(temporary, postgres_dir, options);
  } catch (error) {
    if (error instanceof EmbeddedError || options.signal?.aborted) throw error;
    throw new EmbeddedError(`cannot run initdb: ${reasonOf(error)}`, {
      hint: "this build of PostgreSQL does not run on this machine (it needs glibc); set " +
        '"database" in server_config.json to a PostgreSQL of your own',
      cause: error,
    });
  }
  await Deno.rename(temporary, final);
  return final;
}
