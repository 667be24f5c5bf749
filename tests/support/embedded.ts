/** What the tests of the embedded PostgreSQL have in common: program files and used directories. */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbedded } from "../../db/embedded.ts";
import { npmPostgresFiles } from "../../db/embedded/npm_package.ts";
import { silentLogger } from "../../log.ts";
import { linkedFiles } from "./embedded_owner.ts";
import { type TempDir, tempDir } from "./temp_dir.ts";

export interface EmbeddedFixture {
  /** Starts a server whose program files are unpacked already. */
  start(data_dir: string, options?: Partial<EmbeddedOptions>): Promise<EmbeddedPostgres>;
  /** A data directory after its first start: a copy, which is faster than another initdb. */
  usedDirectory(dir: TempDir): Promise<string>;
  /** The unpacked program files. */
  filesDirectory(): string;
}

/** Unpacks PostgreSQL before the first test of the file that calls it and removes it after the last. */
export function embeddedFixture(): EmbeddedFixture {
  let shared: TempDir;
  const start: EmbeddedFixture["start"] = (data_dir, options = {}) =>
    startEmbedded({
      data_dir,
      log: silentLogger,
      clock: systemClock,
      files: linkedFiles(shared.path),
      ...options,
    });
  Deno.test.beforeAll(async () => {
    shared = await tempDir();
    await npmPostgresFiles().unpackInto(shared.path);
    await (await start(shared.join("data"))).stop();
  });
  Deno.test.afterAll(async () => await shared[Symbol.asyncDispose]());
  const usedDirectory = async (dir: TempDir) => {
    const data_dir = dir.join("data");
    if (Deno.build.os === "windows") {
      await (await start(data_dir)).stop();
      return data_dir;
    }
    await Deno.mkdir(data_dir, { mode: 0o700 });
    const args = ["-a", shared.join("data", "postgres"), data_dir];
    assert((await new Deno.Command("cp", { args }).output()).success);
    return data_dir;
  };
  return { start, usedDirectory, filesDirectory: () => shared.path };
}

/** Runs a few statements on a connection of their own. */
export async function query<T>(
  address: Parameters<typeof connect>[0],
  run: (sql: Sql) => Promise<T>,
) {
  const sql = connect(address, { connections_max: 1 });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

/** Whether nothing is at this path. */
export async function isGone(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => false, () => true);
}
