/** Looks at everything that could grow, slice after slice. */
import { systemClock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import type { RunningMonitor } from "../e2e/run_monitor.ts";
import type { Journal, Latency } from "./journal.ts";
import { type Look, look, rssMb } from "./look.ts";
import { judge, type Judged, type Measure, median, quantile } from "./verdict.ts";

const RSS_EVERY_MS = 1_000;
/**
 * Memory goes up and down by half with each collection of garbage, whose moments depend on what else the
 * machine does. What is kept for good shows in what is left after them: the smallest tenth of a slice.
 */
const FLOOR_SHARE = 0.1;

interface Slice {
  rss_mb: number | undefined;
  rss_floor_mb: number | undefined;
  look: Look;
  latencies: Map<string, Latency>;
}

export interface MeasuresOptions {
  monitor: RunningMonitor;
  sql: Sql;
  data_dir: string;
  journal: Journal;
  signal: AbortSignal;
  say: (text: string) => void;
}

/** What may be more at the end of an hour than at its beginning and is still no growth. */
const ALLOWED = {
  memory: { share: 0.1, least: 32 },
  count: { share: 0.1, least: 2 },
  p50: { share: 0.3, least: 2 },
  p99: { share: 0.5, least: 25 },
};

const LOOKED: readonly [keyof Look, string, Measure["allowed"]][] = [
  ["threads", "", ALLOWED.count],
  ["files", "", { share: 0.1, least: 5 }],
  ["connections", "", ALLOWED.count],
  ["postgres_processes", "", ALLOWED.count],
  ["postgres_private_mb", "MB", ALLOWED.memory],
  ["postgres_pss_mb", "MB", undefined],
  ["machine_load", "", undefined],
  // what is stored is meant to grow
  ["database_mb", "MB", undefined],
];

export class Measures {
  readonly #options: MeasuresOptions;
  readonly #slices: Slice[] = [];
  rss_mb_max = 0;

  constructor(options: MeasuresOptions) {
    this.#options = options;
  }

  /** Measures slices of so many seconds until the signal. A last slice that is cut short is dropped. */
  async run(slice_s: number): Promise<void> {
    const { monitor, sql, data_dir, journal, signal, say } = this.#options;
    for (let number = 1; !signal.aborted; number++) {
      const rss: number[] = [];
      const end_ms = systemClock.monotonic() + slice_s * 1000;
      while (systemClock.monotonic() < end_ms && !signal.aborted) {
        const now_mb = rssMb(monitor.pid);
        if (now_mb !== undefined) rss.push(now_mb);
        await systemClock.sleep(
          Math.min(RSS_EVERY_MS, Math.max(1, end_ms - systemClock.monotonic())),
          signal,
        );
      }
      if (signal.aborted && this.#slices.length > 0) return;
      const latencies = journal.takeLatencies();
      try {
        const seen = await look(monitor.pid, data_dir, sql);
        const rss_floor_mb = quantile(rss, FLOOR_SHARE);
        this.#slices.push({ rss_mb: median(rss), rss_floor_mb, look: seen, latencies });
        this.rss_mb_max = Math.max(this.rss_mb_max, ...rss);
        const ingest = latencies.get("ingest");
        say(
          `slice ${number}: server ${Math.round(seen.rss_mb)} MB, PostgreSQL ` +
            `${Math.round(seen.postgres_pss_mb)} MB, ${ingest?.count ?? 0} reports, p50 ` +
            `${ingest?.p50_ms?.toFixed(1)} ms, p99 ${ingest?.p99_ms?.toFixed(1)} ms, ` +
            `${journal.fault_count} errors`,
        );
      } catch (error) {
        journal.fault(`look: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  judged(judge_growth: boolean): Judged[] {
    const slices = this.#slices;
    const measures: Measure[] = [
      {
        name: "server_rss_mb",
        unit: "MB",
        slices: slices.map(({ rss_mb }) => rss_mb),
      },
      {
        name: "server_rss_floor_mb",
        unit: "MB",
        slices: slices.map(({ rss_floor_mb }) => rss_floor_mb),
        allowed: ALLOWED.memory,
      },
      ...LOOKED.map(([name, unit, allowed]) => ({
        name,
        unit,
        slices: slices.map((slice) => slice.look[name]),
        allowed,
      })),
    ];
    const kinds = [...new Set(slices.flatMap(({ latencies }) => [...latencies.keys()]))].sort();
    for (const kind of kinds) {
      const of = slices.map(({ latencies }) => latencies.get(kind));
      const common = { unit: "ms" };
      measures.push(
        {
          ...common,
          name: `${kind}_p50_ms`,
          slices: of.map((one) => one?.p50_ms),
          allowed: ALLOWED.p50,
        },
        {
          ...common,
          name: `${kind}_p99_ms`,
          slices: of.map((one) => one?.p99_ms),
          allowed: ALLOWED.p99,
        },
      );
    }
    return measures.map((measure) => judge(measure, judge_growth));
  }
}
