/**
 * What is stored, how large it is and how it grows: sizes are exact, and so are the times. Samples
 * are counted exactly where that takes reading no more than `PAGES_MAX`; beyond that they are an
 * estimate from a part of the pages, and `samples_are_exact` says so.
 */
import { statfs } from "node:fs/promises";
import { type Partition, selectPartitions } from "../../db/block_partitions.ts";
import type { AnySql, Sql } from "../../db/connect.ts";
import { selectHosts } from "../../db/hosts.ts";
import {
  type HostContent,
  sampleBlocks,
  sampleReports,
  selectDatabaseSize,
  selectTableSizes,
  selectTimeSpan,
  selectWalSize,
  type TableSize,
} from "../../db/storage.ts";
import { endOf, TIER_NAMES, TIERS } from "../../db/tiers.ts";
import { type Forecast, forecast, growthPerDay } from "./forecast.ts";

/** 32 MB: some tens of milliseconds. */
const PAGES_MAX = 4_096;
const DAY_MS = 86_400_000;

const OTHER_TABLES = [
  "annotation",
  ...["host", "metric", "shape", "host_shape", "pending_hour", "pending_day"],
];

/** As in the settings; null keeps for ever. */
export interface RetentionDays {
  raw_days: number;
  five_minutes_days: number;
  one_hour_days: number;
  one_day_days: number | null;
}

export interface StorageOptions {
  retention: RetentionDays;
  /** Where the database's files are, when they are on this machine. */
  data_dir: string | undefined;
  now_ms: number;
  /** Whose log is looked at: not a replica's. */
  primary: Sql;
  /** How many hosts to list, the largest first. */
  hosts_max: number;
}

export interface TierStorage {
  /** `hot` is what is not in blocks yet. */
  name: "hot" | (typeof TIER_NAMES)[number];
  partitions: number;
  heap_bytes: number;
  toast_bytes: number;
  index_bytes: number;
  bytes: number;
  /** Reports, or blocks. */
  rows: number;
  /** Of rollups: buckets times metrics. */
  samples: number;
  samples_are_exact: boolean;
  bytes_per_sample: number | null;
  /** Milliseconds since 1970; of blocks, when their spans begin and end. */
  oldest_ms: number | null;
  newest_ms: number | null;
  /** An estimate; null when too little is there. */
  growth_bytes_per_day: number | null;
  retention_days: number | null;
}

export interface HostStorage {
  hostname: string;
  samples: number;
  /** The host's share of its tiers' bytes, indexes included. */
  bytes: number;
}

export interface StorageReport {
  at_ms: number;
  /** All of the database; tiers, other tables and the catalogs. */
  database_bytes: number;
  /** Null when it may not be looked at. */
  wal_bytes: number | null;
  disk: { free_bytes: number; size_bytes: number } | null;
  tiers: TierStorage[];
  /** Everything that is no tier. */
  other: { name: string; bytes: number }[];
  host_count: number;
  hosts: HostStorage[];
  hosts_are_exact: boolean;
  /** Null when it is not known how much room there is, or how fast it grows. */
  forecast: Forecast | null;
}

function retentionOf(name: TierStorage["name"], retention: RetentionDays): number | null {
  switch (name) {
    case "hot":
      return null;
    case "raw":
      return retention.raw_days;
    case "5m":
      return retention.five_minutes_days;
    case "1h":
      return retention.one_hour_days;
    case "1d":
      return retention.one_day_days;
  }
}

interface Measured {
  tier: TierStorage;
  content: HostContent[];
}

interface TierSource {
  name: TierStorage["name"];
  table: string;
  size: TableSize | undefined;
  partitions: readonly Partition[];
}

async function measure(
  sql: AnySql,
  { name, table, size, partitions }: TierSource,
  { retention, now_ms }: StorageOptions,
): Promise<Measured> {
  const pages = size?.pages ?? 0;
  const percent = pages <= PAGES_MAX ? 100 : 100 * PAGES_MAX / pages;
  const content = name === "hot"
    ? await sampleReports(sql, percent)
    : await sampleBlocks(sql, table, percent);
  const scaled = (of: (host: HostContent) => number) =>
    Math.round(content.reduce((sum, host) => sum + of(host), 0) * 100 / percent);
  const span = await selectTimeSpan(sql, { table, column: name === "hot" ? "at" : "start" });
  const { heap_bytes = 0, toast_bytes = 0, index_bytes = 0 } = size ?? {};
  const bytes = heap_bytes + toast_bytes + index_bytes;
  const samples = scaled((host) => host.samples);
  const { oldest_ms } = span;
  const newest_ms = name === "hot" || span.newest_ms === null
    ? span.newest_ms
    : Math.min(now_ms, endOf(TIERS[name].block, span.newest_ms));
  // what is hot comes and goes within the hour
  const growth = name === "hot" || oldest_ms === null || newest_ms === null
    ? undefined
    : growthPerDay(partitions, { oldest_ms, newest_ms, now_ms });
  const tier = {
    name,
    partitions: size?.partitions ?? 0,
    ...{ heap_bytes, toast_bytes, index_bytes, bytes },
    rows: scaled((host) => host.rows),
    samples,
    samples_are_exact: percent === 100,
    bytes_per_sample: samples === 0 ? null : bytes / samples,
    ...{ oldest_ms, newest_ms },
    growth_bytes_per_day: growth ?? null,
    retention_days: retentionOf(name, retention),
  };
  return { tier, content };
}

/** A host's part of each tier is that of its rows: indexes and half-empty pages are shared out. */
async function largestHosts(sql: Sql, measured: readonly Measured[], hosts_max: number) {
  const by_id = new Map<number, { samples: number; bytes: number }>();
  for (const { tier, content } of measured) {
    const weight = content.reduce((sum, host) => sum + host.bytes, 0);
    const read = content.reduce((sum, host) => sum + host.samples, 0);
    for (const { host_id, samples, bytes } of content) {
      const all = by_id.get(host_id) ?? { samples: 0, bytes: 0 };
      all.bytes += tier.bytes * bytes / weight;
      all.samples += read === 0 ? 0 : tier.samples * samples / read;
      by_id.set(host_id, all);
    }
  }
  const hosts = await selectHosts(sql);
  const listed = hosts.map(({ id, hostname }) => {
    const { samples = 0, bytes = 0 } = by_id.get(id) ?? {};
    return { hostname, samples: Math.round(samples), bytes: Math.round(bytes) };
  }).sort((a, b) => b.bytes - a.bytes).slice(0, hosts_max);
  return { host_count: hosts.length, hosts: listed };
}

async function diskOf(data_dir: string | undefined): Promise<StorageReport["disk"]> {
  if (data_dir === undefined) return null;
  const { bavail, bsize, blocks } = await statfs(data_dir);
  return { free_bytes: bavail * bsize, size_bytes: blocks * bsize };
}

function forecastOf(
  tiers: readonly TierStorage[],
  disk: StorageReport["disk"],
  now_ms: number,
): Forecast | null {
  if (disk === null || tiers.every((tier) => tier.growth_bytes_per_day === null)) return null;
  return forecast(
    tiers.map(({ growth_bytes_per_day, oldest_ms, retention_days }) => ({
      growth_bytes_per_day: growth_bytes_per_day ?? 0,
      age_days: oldest_ms === null ? 0 : (now_ms - oldest_ms) / DAY_MS,
      retention_days,
    })),
    disk.free_bytes,
  );
}

/** Looks at everything. Throws what the database says. */
export async function storageReport(sql: Sql, options: StorageOptions): Promise<StorageReport> {
  const { now_ms, hosts_max, data_dir, primary } = options;
  const names = ["hot", ...TIER_NAMES] as const;
  const tables = names.map((name) => name === "hot" ? "report" : TIERS[name].table);
  const sizes = await selectTableSizes(sql, [...tables, ...OTHER_TABLES]);
  const partitions = await selectPartitions(sql);
  const measured: Measured[] = [];
  for (const [i, name] of names.entries()) {
    const table = tables[i] ?? "";
    const size = sizes.find((one) => one.table === table);
    const own = partitions.filter((partition) => partition.table === table);
    measured.push(await measure(sql, { name, table, size, partitions: own }, options));
  }
  const tiers = measured.map(({ tier }) => tier);
  const other = sizes.filter(({ table }) => OTHER_TABLES.includes(table)).map((size) => ({
    name: size.table,
    bytes: size.heap_bytes + size.toast_bytes + size.index_bytes,
  })).sort((a, b) => b.bytes - a.bytes);
  const disk = await diskOf(data_dir);
  return {
    at_ms: now_ms,
    database_bytes: await selectDatabaseSize(sql),
    wal_bytes: await selectWalSize(primary) ?? null,
    disk,
    tiers,
    other,
    ...await largestHosts(sql, measured, hosts_max),
    hosts_are_exact: tiers.every((tier) => tier.samples_are_exact),
    forecast: forecastOf(tiers, disk, now_ms),
  };
}
