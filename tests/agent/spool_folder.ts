/** Spools of tests: in a directory of their own, and what a killed process would have left of it. */
import { join } from "node:path";
import type { OutboxBatch, OutboxEntry } from "../../agent/outbox.ts";
import { Spool, type SpoolOptions } from "../../agent/spool.ts";
import { silentLogger } from "../../log.ts";
import { FakeClock } from "../support/fake_clock.ts";

export const DAY_MS = 86_400_000;
export const ALL = { reports_max: 10_000, bytes_max: 1e9 };

export function openSpool(
  dir: string | undefined,
  options: Partial<SpoolOptions> = {},
): Promise<Spool> {
  const clock = options.clock ?? new FakeClock();
  return Spool.open({
    ...{ dir, clock, log: silentLogger, bytes_max: 64 * 1024 * 1024, age_ms_max: 7 * DAY_MS },
    ...options,
  });
}

/** A report of its own text; the time is one the fake clock begins with. */
export function reportOf(number: number, text_bytes = 40): OutboxEntry {
  const at_ms = Date.UTC(2025, 0, 15, 12) + number;
  return { at_ms, samples: 3, text: `report ${number} `.padEnd(text_bytes, "x") };
}

export async function fill(spool: Spool, from: number, through: number, bytes?: number) {
  for (let number = from; number <= through; number++) await spool.append(reportOf(number, bytes));
}

/** Which reports these are, by their times. */
export function numbersOf(batch: OutboxBatch | undefined): number[] {
  return batch?.entries.map(({ at_ms }) => at_ms - Date.UTC(2025, 0, 15, 12)) ?? [];
}

export function allStored(batch: OutboxBatch) {
  const samples = batch.entries.reduce((sum, entry) => sum + entry.samples, 0);
  return { stored: batch.entries.length, duplicate: 0, refused: 0, samples };
}

/** Takes everything that waits, and says which reports it were. */
export async function drain(spool: Spool): Promise<number[]> {
  const numbers: number[] = [];
  for (;;) {
    const batch = await spool.peek(ALL);
    if (batch === undefined) return numbers;
    numbers.push(...numbersOf(batch));
    await spool.settle(batch, allStored(batch));
  }
}

/** Its segments with their sizes, in order. */
export async function segmentSizes(dir: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { name } of Deno.readDir(dir)) {
    if (name.endsWith(".spool")) sizes.set(name, (await Deno.stat(join(dir, name))).size);
  }
  return new Map([...sizes].sort());
}

/** Copies what is on disk right now: what would be there if the process were killed. */
export async function copySpool(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const name of (await segmentSizes(from)).keys()) {
    await Deno.copyFile(join(from, name), join(to, name));
  }
}
