/** `monitor storage`: the answer of the server as tables. Estimates are marked with `~`. */
import type { StorageAnswer } from "../wire/storage.ts";
import { connectClient, type ReadingContext } from "./command.ts";
import { formatTime } from "./instant.ts";
import { formatCount, formatDuration } from "./meter.ts";
import { layoutTable } from "./table.ts";
import { styled } from "./terminal.ts";
import { safeJson } from "./text.ts";
import { formatValue } from "./value.ts";

const DAY_MS = 86_400_000;

const bytes = (count: number) => formatValue(count, "bytes");
/** Enough digits to compare layouts, which differ in the second. */
const perSample = (value: number | null) =>
  value === null ? "" : value < 10 ? value.toPrecision(3) : value.toFixed(1);
const time = (at_s: number | null) => at_s === null ? "" : formatTime(at_s * 1000).slice(0, 16);
const right = (header: string) => ({ header, align: "right" as const, whole: true });

function tierTable(
  answer: StorageAnswer,
): { lines: string[][]; columns: ReturnType<typeof right>[] } {
  const lines = answer.tiers.map((tier) => [
    bytes(tier.bytes),
    bytes(tier.heap_bytes),
    bytes(tier.toast_bytes),
    bytes(tier.index_bytes),
    `${tier.samples_are_exact ? "" : "~"}${formatCount(tier.samples)}`,
    perSample(tier.bytes_per_sample),
    time(tier.oldest),
    time(tier.newest),
    tier.growth_bytes_per_day === null ? "" : `~${bytes(tier.growth_bytes_per_day)}`,
    tier.name === "hot" ? "" : tier.retention_days === null ? "ever" : `${tier.retention_days} d`,
  ]);
  const headers = ["BYTES", "HEAP", "TOAST", "INDEX", "SAMPLES", "B/SAMPLE", "OLDEST", "NEWEST"];
  return { lines, columns: [...headers, "A DAY", "KEPT"].map(right) };
}

/** One sentence about the disk; undefined where nothing is known of it. */
export function diskSentence(answer: StorageAnswer): string {
  const { disk, forecast } = answer;
  if (disk === null) return "disk: the database is elsewhere, its disk is not known here";
  const free = `disk: ${bytes(disk.free_bytes)} of ${bytes(disk.size_bytes)} free`;
  if (forecast === null) return `${free}; how fast it fills is known after an hour in blocks`;
  const growth = `grows by ~${bytes(forecast.growth_bytes_per_day)} a day`;
  if (forecast.full_in_days === null) {
    const more = forecast.still_to_come_bytes;
    return more === null
      ? `${free}; ${growth}: enough for a hundred years`
      : `${free}; ${growth}, ~${bytes(more)} more until as much is dropped as comes: enough`;
  }
  const at = formatTime((answer.at + forecast.full_in_days * 86_400) * 1000).slice(0, 10);
  return `${free}; ${growth}: full in ~${formatDuration(forecast.full_in_days * DAY_MS)}, on ${at}`;
}

/** Tables and sentences, without newlines. The first line of each table is its header. */
export function storageLines(answer: StorageAnswer, columns: number): string[][] {
  const { lines, columns: tier_columns } = tierTable(answer);
  const tiers = layoutTable({
    columns: [{ header: "TIER" }, ...tier_columns],
    rows: answer.tiers.map((tier, i) => [tier.name, ...lines[i] ?? []]),
  }, columns);
  const mark = answer.hosts_are_exact ? "" : "~";
  const hosts = layoutTable({
    columns: [{ header: "HOST" }, right("BYTES"), right("SAMPLES"), right("B/SAMPLE")],
    rows: answer.hosts.map((host) => [
      host.hostname,
      `${mark}${bytes(host.bytes)}`,
      `${mark}${formatCount(host.samples)}`,
      perSample(host.samples === 0 ? null : host.bytes / host.samples),
    ]),
  }, columns);
  const listed = [
    ...answer.tiers.map((tier) => tier.bytes),
    ...answer.other.map((table) => table.bytes),
  ].reduce((sum, one) => sum + one, 0);
  const rest = Math.max(0, answer.database_bytes - listed);
  const wal = answer.wal_bytes === null ? "" : `, and ${bytes(answer.wal_bytes)} of its log`;
  const other = answer.other.map((table) => `${table.name} ${bytes(table.bytes)}`).join(", ");
  const shown = answer.hosts.length;
  const more = answer.host_count > shown ? [`the largest ${shown} of ${answer.host_count}`] : [];
  return [
    tiers,
    [
      `database: ${bytes(answer.database_bytes)}${wal}`,
      `other: ${other}, catalogs ${bytes(rest)}`,
      diskSentence(answer),
    ],
    ...shown === 0 ? [] : [[...hosts, ...more]],
  ];
}

export async function runStorage(
  options: { server?: string; hosts: number; json?: true },
  { terminal, env }: ReadingContext,
): Promise<void> {
  const client = await connectClient(options.server, env);
  const answer = await client.storage(options.hosts);
  if (options.json) {
    terminal.out(`${safeJson(answer, terminal.out_is_terminal ? 2 : undefined)}\n`);
    return;
  }
  const parts = storageLines(answer, terminal.columns).map((lines) =>
    lines.map((line, i) => i === 0 && /^[A-Z]/.test(line) ? styled(terminal, "bold", line) : line)
  );
  terminal.out(`${parts.map((lines) => lines.join("\n")).join("\n\n")}\n`);
}
