/** The settings of the spool. */
import { join } from "node:path";
import { z } from "zod";
import { duration } from "../duration.ts";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3_600_000;
/** About a week of a machine with the shipped collectors at 10 s. */
const BYTES_DEFAULT = 256 * MIB;
/** Below it a segment would hold only a few reports. */
const BYTES_MIN = MIB;
const BYTES_MAX = 1024 * 1024 * MIB;
/** A weekend and some days to notice. */
const AGE_MS_DEFAULT = 7 * DAY_MS;

export const spoolSchema = z.strictObject({
  /** Default: `spool` in the data directory; null keeps reports in memory only. */
  dir: z.union([z.string().min(1).max(4_096), z.null()], {
    error: "must be a directory, or null to keep reports in memory only",
  }).optional(),
  /** The most it may occupy; the oldest reports go first. */
  bytes: z.int().min(BYTES_MIN).max(BYTES_MAX).default(BYTES_DEFAULT),
  /** Reports that are older are given up. */
  age: duration({ min_ms: 60_000, max_ms: 5 * 365 * DAY_MS }).default(AGE_MS_DEFAULT),
}).prefault({});
/** `age` is milliseconds here. */
export type SpoolSettings = z.output<typeof spoolSchema>;

/** The directory that is meant; undefined when reports are kept in memory only. */
export function spoolDir(settings: SpoolSettings, data_dir: string): string | undefined {
  return settings.dir === undefined ? join(data_dir, "spool") : settings.dir ?? undefined;
}
