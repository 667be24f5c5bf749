/**
 * The migrations of this program: `migrations/NNNN_name.sql`, numbered without gaps, never edited
 * after a release (a wrong one is repaired by the next). They are read from disk, also by a compiled
 * program, into which they are packed by `--include db/migrations`.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";

export interface Migration {
  number: number;
  /** The file's name without number and ending. */
  name: string;
  sql: string;
  /** SHA-256 of the text, hexadecimal. */
  checksum: string;
  /**
   * What it changes of data that is there, as its line `-- rewrites: the blocks of every hour` says;
   * undefined when it only adds. Before such a migration a copy is kept.
   */
  rewrites?: string;
}

/** A migration as people know it: its file's name without the ending. */
export function migrationLabel(migration: { number: number; name: string }): string {
  return `${String(migration.number).padStart(4, "0")}_${migration.name}`;
}

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/;

/** Makes a migration of its file. The checksum does not depend on how Git wrote the line ends. */
export function parseMigration(file_name: string, text: string): Migration {
  const match = FILE_NAME.exec(file_name);
  if (match === null) {
    throw new Error(`BUG: "${file_name}" is not named like a migration: 0001_name.sql`);
  }
  const sql = text.replaceAll("\r\n", "\n");
  const checksum = createHash("sha256").update(sql).digest("hex");
  const rewrites = /^-- rewrites: (.+)$/m.exec(sql)?.[1];
  const migration = { number: Number(match[1]), name: match[2] ?? "", sql, checksum };
  return rewrites === undefined ? migration : { ...migration, rewrites };
}

/** Reads all migrations in order. Throws (BUG) when numbers are missing or given twice. */
export async function readMigrations(
  dir = join(import.meta.dirname ?? "", "migrations"),
): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for await (const entry of Deno.readDir(dir)) {
    if (!entry.name.endsWith(".sql")) continue;
    migrations.push(
      parseMigration(entry.name, await Deno.readTextFile(join(dir, entry.name))),
    );
  }
  migrations.sort((a, b) => a.number - b.number);
  migrations.forEach(({ number }, index) => {
    if (number !== index + 1) {
      throw new Error(`BUG: migration ${index + 1} must be there once: found number ${number}`);
    }
  });
  return migrations;
}
