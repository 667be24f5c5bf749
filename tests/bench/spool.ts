/**
 * The agent's spool: what one report costs while the server answers, what a day without one leaves on
 * disk, how long the next start takes, and how fast it is given away. Argument: how many reports (a
 * day at 10 s).
 */
import { Spool } from "../../agent/spool.ts";
import { systemClock } from "../../clock.ts";
import { silentLogger } from "../../log.ts";

const DAY_REPORTS = 8_640;
/** As large as one of the shipped collectors' on a small machine. */
const REPORT_BYTES = 3_000;
const BATCH = { reports_max: 500, bytes_max: 1024 * 1024 };

function open(dir: string): Promise<Spool> {
  const bytes_max = 256 * 1024 * 1024;
  const options = { bytes_max, age_ms_max: 7 * 86_400_000, clock: systemClock, log: silentLogger };
  return Spool.open({ dir, ...options });
}

/** Runs it and returns the milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin_ms = performance.now();
  await work();
  return performance.now() - begin_ms;
}

const tenths = (value: number) => Math.round(value * 10) / 10;

/** Puts a report in; takes and settles `batches` of them. */
async function settle(spool: Spool, batches: number): Promise<void> {
  for (let count = 0; count < batches; count++) {
    const batch = await spool.peek(BATCH);
    if (batch === undefined) return;
    const stored = batch.entries.length;
    await spool.settle(batch, { stored, duplicate: 0, refused: 0, samples: stored });
  }
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const reports = Number(args[0] ?? DAY_REPORTS);
  const dir = await Deno.makeTempDir({ prefix: "monitor-bench-" });
  try {
    const append = (spool: Spool, number: number) =>
      spool.append({
        at_ms: systemClock.now(),
        samples: 100,
        text: `{"number":${number},"filled":"${"x".repeat(REPORT_BYTES)}"}`,
      });
    let spool = await open(dir);
    const rounds_ms = await timed(async () => {
      for (let number = 0; number < 1_000; number++) {
        await append(spool, number);
        await settle(spool, 1);
      }
    });
    const bytes_idle = spool.status().bytes;
    const append_ms = await timed(async () => {
      for (let number = 0; number < reports; number++) await append(spool, number);
    });
    const bytes_full = spool.status().bytes;
    await spool.close();
    const open_ms = await timed(async () => void (spool = await open(dir)));
    const drain_ms = await timed(() => settle(spool, Infinity));
    const { waiting, bytes } = spool.status();
    await spool.close();
    return {
      report_settled_us: tenths(rounds_ms),
      idle_kib: tenths(bytes_idle / 1024),
      report_waiting_us: tenths(append_ms * 1_000 / reports),
      ...{ reports, full_mib: tenths(bytes_full / 1024 / 1024) },
      open_ms: tenths(open_ms),
      drain_ms: tenths(drain_ms),
      ...{ waiting, bytes_after: bytes },
    };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
