/** The answer of `GET /api/v1/storage`. Bytes, days, and seconds since 1970. */
import { z } from "zod";

const bytes = z.number().min(0);
const seconds = z.number();

export const tierStorageSchema = z.object({
  name: z.enum(["hot", "raw", "5m", "1h", "1d"])
    .describe("hot: reports that are not in blocks yet; the others are the tiers of history"),
  partitions: z.number(),
  heap_bytes: bytes,
  toast_bytes: bytes.describe("Stored out of line: the blocks themselves"),
  index_bytes: bytes,
  bytes: bytes.describe("All three"),
  rows: z.number().describe("Reports, or blocks"),
  samples: z.number().describe("Of rollups: buckets times metrics"),
  samples_are_exact: z.boolean().describe("false: an estimate from a part of the pages"),
  bytes_per_sample: z.number().nullable(),
  oldest: seconds.nullable(),
  newest: seconds.nullable(),
  growth_bytes_per_day: z.number().nullable()
    .describe("An estimate from the newest partitions; null when there is too little, or hot"),
  retention_days: z.number().nullable().describe("null: kept for ever (or hot)"),
});

export const storageSchema = z.object({
  at: seconds,
  database_bytes: bytes.describe("The whole database without its write-ahead log"),
  wal_bytes: bytes.nullable().describe("null: the database's user may not look at it"),
  disk: z.object({ free_bytes: bytes, size_bytes: bytes }).nullable()
    .describe("Of the file system with the embedded database; null: the database is elsewhere"),
  tiers: z.array(tierStorageSchema),
  other: z.array(z.object({ name: z.string(), bytes })).describe("Tables that are no tier"),
  host_count: z.number(),
  hosts: z.array(z.object({ hostname: z.string(), samples: z.number(), bytes }))
    .describe("The largest, by their share of the tiers"),
  hosts_are_exact: z.boolean(),
  forecast: z.object({
    growth_bytes_per_day: z.number(),
    still_to_come_bytes: z.number().nullable()
      .describe("Growth until as much is dropped as comes; null: that is never"),
    full_in_days: z.number().nullable().describe("null: never"),
  }).nullable().describe("An estimate; null when disk or growth are not known"),
});

export type StorageAnswer = z.infer<typeof storageSchema>;
