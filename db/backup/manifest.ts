/**
 * What a backup consists of. Its manifest is written last: a backup without one does not exist.
 *
 * The text is one JSON object `{"sha256": …, "backup": …}`, where the first is the SHA-256 of the
 * second as `JSON.stringify` writes it, so that a damaged manifest is noticed.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { BackupError } from "./error.ts";

/** Of the directory and everything in it. A reader that does not know it must not guess. */
export const BACKUP_FORMAT = 1;

const ID = /^\d{8}T\d{6}Z-[0-9a-f]{8}$/;
const name = z.object({ schema: z.string().min(1), name: z.string().min(1) });

const tableSchema = name.extend({
  parent: name.optional(),
  // these two become part of statements as they are
  bound: z.string().regex(/^(DEFAULT|FOR VALUES (\w|[ (),-]|'[^']*')+)$/).optional(),
  options: z.array(z.string().regex(/^[a-z_.]+=[\w.+-]+$/)),
  columns: z.array(z.string()),
  has_triggers: z.boolean(),
  /** On disk in the database, without indexes. */
  bytes: z.number(),
  rows: z.number(),
  /** Of its rows, in any order: transfer/digest.ts. */
  checksum: z.string(),
  /** By which a later backup sees that nothing has changed: change_mark.ts. */
  mark: z.string().optional(),
  /** In their order one COPY, packed by zstd. */
  files: z.array(z.object({
    name: z.string().regex(/^[\w.-]+\.zst$/),
    bytes: z.number(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  })),
});

const manifestSchema = z.object({
  format: z.literal(BACKUP_FORMAT),
  id: z.string().regex(ID),
  /** Everything acknowledged before this moment, by the database's clock, is in the backup. */
  point: z.iso.datetime(),
  finished: z.iso.datetime(),
  /** The version of monitor that took it. */
  monitor: z.string(),
  postgres: z.string(),
  migrations: z.array(z.object({ number: z.number(), name: z.string(), checksum: z.string() })),
  /** Where the change marks hold; undefined: nowhere, the next backup reads everything again. */
  origin: z.object({ place: z.string(), xid: z.string() }).optional(),
  sequences: z.array(name.extend({ last_value: z.string().nullable() })),
  tables: z.array(tableSchema),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type BackupTable = z.infer<typeof tableSchema>;
export type BackupFile = BackupTable["files"][number];

/**
 * `20261125T221503Z-1a2b3c4d`: sorts by time, and after `newest` also when the clock has gone back:
 * what is newest is kept longest.
 */
export function backupId(
  now_ms: number,
  newest = "",
  random: string = crypto.randomUUID(),
): string {
  const stamp = (ms: number) =>
    new Date(ms).toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(newest)?.map(Number) ?? [];
  const last_ms = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  const ms = stamp(now_ms) > newest.slice(0, 16) ? now_ms : last_ms + 1000;
  return `${stamp(ms)}-${random.slice(0, 8)}`;
}

/** The file a manifest lies in, beside the folder with the data. */
export function manifestName(id: string): string {
  return `backup-${id}.json`;
}

/** The id in such a name; undefined for other files. */
export function idOfName(file: string): string | undefined {
  const [, id = ""] = /^backup-(.+)\.json$/.exec(file) ?? [];
  return ID.test(id) ? id : undefined;
}

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify({ sha256: sumOf(manifest), backup: manifest })}\n`;
}

function sumOf(backup: unknown): string {
  return createHash("sha256").update(JSON.stringify(backup)).digest("hex");
}

/** Reads a manifest back. `path` is for messages. Throws `BackupError`. */
export function parseManifest(text: string, path: string): Manifest {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
  const envelope = z.object({ sha256: z.string(), backup: z.unknown() }).safeParse(whole);
  if (!envelope.success || envelope.data.sha256 !== sumOf(envelope.data.backup)) {
    throw damaged(path, "its checksum does not fit its text");
  }
  const { backup } = envelope.data;
  const known = z.object({ format: z.number() }).safeParse(backup);
  if (known.success && known.data.format !== BACKUP_FORMAT) {
    throw new BackupError(`Cannot read the backup of "${path}"`, {
      cause: `it has format ${known.data.format}, this program knows format ${BACKUP_FORMAT}`,
      hint: "use the version of monitor that took it, or a newer one",
    });
  }
  const parsed = manifestSchema.safeParse(backup);
  if (!parsed.success) throw damaged(path, z.prettifyError(parsed.error).split("\n")[0]);
  return parsed.data;
}

function damaged(path: string, cause: unknown): BackupError {
  return new BackupError(`Cannot read "${path}": it is damaged`, {
    cause,
    hint: "use another backup, or another copy of this one",
  });
}

/** What is needed of `files` in all, each file once. */
export function filesOf(tables: readonly BackupTable[]): BackupFile[] {
  return [...new Map(tables.flatMap(({ files }) => files).map((one) => [one.name, one])).values()];
}
