/**
 * One tick of the schedule becomes one report: the scripts that are due run side by side, and what
 * they return is merged under one timestamp. The report waits for the slow ones only a moment; a
 * script that is later makes a report of its own with the same timestamp, so that one slow script
 * never delays the others' values.
 *
 * Values with a time of their own also make a report of their own: how old they may be is the
 * server's to say, and what it refuses then is nobody else's.
 *
 * A script that fails costs its own values and nothing else: counted, logged when the message is a
 * new one, and told to the server as a remark at the script's name.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { MetricMetadata } from "../report.ts";
import type { Series, SeriesValue } from "./collected.ts";
import type { Collector } from "./collectors.ts";
import type { Tick } from "./plan.ts";
import type { Outcome, Runner } from "./runner.ts";
import { type ScriptCost, ScriptCosts } from "./script_costs.ts";
import { SeriesOwners, takenText } from "./series_owners.ts";

export interface RoundReport {
  at_ms: number;
  series: Series;
  /** What one of these series means. */
  metadata: (series: string) => MetricMetadata | undefined;
}

/** What one collector gives to a report. */
interface Share {
  series: Series;
  runner?: Runner;
  own_report?: boolean;
}

export interface RoundsOptions {
  clock: Clock;
  log: Logger;
  /** The report of a tick (`extra` is false), or one of a single script besides it. */
  onReport: (report: RoundReport, extra: boolean) => void;
  /** A script's run is over. */
  onEnded: (name: string) => void;
}

/** How long a report waits for slow scripts; nobody wants to look at values older than this. */
const REPORT_WAIT_MS = 2_000;
/** Missed deadlines in a row after which a script is run less often, so that it burns no core. */
const TIMEOUTS_TOLERATED = 3;
const REST_MS_MAX = 600_000;

interface RunRecord {
  collector: Collector;
  errors: number;
  /** The message that was last told, "" when the last run went well. */
  told: string;
  timeouts_in_row: number;
  rest_until_ms: number;
}

export class Rounds {
  readonly #options: RoundsOptions;
  readonly #records = new Map<string, RunRecord>();
  readonly #owners = new SeriesOwners();
  readonly #costs = new ScriptCosts();
  readonly #open = new Set<Promise<void>>();
  /** Of collectors that are no more: a counter must not go backwards. */
  #gone_errors = 0;
  #scripts_ms = 0;
  #stopped = false;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /**
   * Replaces the collectors. Those that are the same object as before are not touched; a run that is
   * under way ends, and its values are taken unless its collector is gone.
   */
  set(collectors: readonly Collector[]): void {
    const names = new Set(collectors.map(({ name }) => name));
    for (const [name, { errors }] of this.#records) {
      if (names.has(name)) continue;
      this.#gone_errors += errors;
      this.#owners.release(name);
      this.#costs.forget(name);
      this.#records.delete(name);
    }
    for (const collector of collectors) {
      const known = this.#records.get(collector.name);
      if (known?.collector === collector) continue;
      const fresh = { collector, told: "", timeouts_in_row: 0, rest_until_ms: 0 };
      this.#owners.release(collector.name);
      // The same record, so that a run under way still counts its error.
      if (known !== undefined) Object.assign(known, fresh);
      else this.#records.set(collector.name, { ...fresh, errors: 0 });
    }
  }

  /** Runs the scripts of a tick; never rejects. */
  start(tick: Tick): Promise<void> {
    const round = this.#round(tick).finally(() => this.#open.delete(round));
    this.#open.add(round);
    return round;
  }

  /** Makes no more reports from now on, and waits for what is running: end the runners then. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#open);
  }

  /** Failed runs by script; only scripts that had one. */
  errors(): Map<string, number> {
    const failed = [...this.#records.values()].filter(({ errors }) => errors > 0);
    return new Map(failed.map(({ collector, errors }) => [collector.name, errors]));
  }

  /** Why the last run of a script failed, or gave only a part; only scripts of which that is so. */
  troubles(): Map<string, string> {
    const troubled = [...this.#records].filter(([, { told }]) => told !== "");
    return new Map(troubled.map(([name, { told }]) => [name, told]));
  }

  /** Failed runs since the start, also of scripts that are no more. */
  errorsTotal(): number {
    return [...this.errors().values()].reduce((sum, count) => sum + count, this.#gone_errors);
  }

  /** What each script has cost so far. */
  costs(): ReadonlyMap<string, ScriptCost> {
    return this.#costs.all();
  }

  /** How long the scripts of the last whole tick took, added up. */
  get scripts_ms(): number {
    return this.#scripts_ms;
  }

  async #round(tick: Tick): Promise<void> {
    const { clock, onReport } = this.#options;
    const { at_ms } = tick;
    const merged = new Map<string, SeriesValue>();
    const runners = new Map<string, Runner>();
    const all_done = new AbortController();
    let waiting = true;
    let scripts_ms = 0;
    const runs = tick.scripts.map(async (name) => {
      const begin_ms = clock.monotonic();
      const { series, runner, own_report } = await this.#run(name, at_ms);
      const ms = clock.monotonic() - begin_ms;
      scripts_ms += ms;
      if (this.#stopped || runner === undefined) return;
      this.#costs.note(name, { ms, series });
      const { timed, plain } = byOwnTime(series);
      const metadata = (key: string) => runner.metadata(key);
      if (timed.size > 0) onReport({ at_ms, series: timed, metadata }, true);
      if (waiting && !own_report) {
        for (const [key, value] of plain) {
          merged.set(key, value);
          runners.set(key, runner);
        }
      } else if (plain.size > 0) onReport({ at_ms, series: plain, metadata }, true);
    });
    const everything = Promise.all(runs).then(() => all_done.abort());
    await clock.sleep(REPORT_WAIT_MS, all_done.signal);
    waiting = false;
    this.#scripts_ms = scripts_ms;
    const metadata = (key: string) => runners.get(key)?.metadata(key);
    if (!this.#stopped) onReport({ at_ms, series: merged, metadata }, false);
    await everything;
  }

  async #run(name: string, at_ms: number): Promise<Share> {
    const { clock, onEnded } = this.#options;
    const record = this.#records.get(name);
    try {
      if (record === undefined || clock.monotonic() < record.rest_until_ms) {
        return { series: new Map() };
      }
      const { collector } = record;
      const { runner, timeout_ms, own_report } = collector;
      const outcome = await runner.collect({ at_ms, timeout_ms });
      const is_ended = collector.ended === true && outcome.kind === "lost";
      if (this.#stopped || is_ended || !this.#records.has(name)) {
        return { series: new Map() };
      }
      record.timeouts_in_row = outcome.kind === "timeout" || outcome.kind === "stuck"
        ? record.timeouts_in_row + 1
        : 0;
      return { series: this.#seriesOf(record, outcome), runner, own_report };
    } finally {
      onEnded(name);
    }
  }

  /** What is reported of a run, remarks about it included. */
  #seriesOf(record: RunRecord, outcome: Outcome): Series {
    const { name } = record.collector;
    const { kept, taken } = this.#owners.claim(name, outcome.series ?? new Map());
    if (outcome.kind !== "done") return withRemark(kept, name, this.#failed(record, outcome));
    const [first] = taken;
    const note = first === undefined ? outcome.note : takenText(taken, this.#owners.ownerOf(first));
    return withRemark(kept, name, this.#went(record, note));
  }

  /** It went well, perhaps with something to say; the remark is "" when that is known. */
  #went(record: RunRecord, note = ""): string {
    const { log } = this.#options;
    const { name: script } = record.collector;
    if (record.told === note) return "";
    if (note === "") log.info("Collector works again", { script });
    else log.warn("Collector gives only a part", { script, message: note });
    record.told = note;
    return note;
  }

  /** Counts it, and gives the message when it is a new one, else "". */
  #failed(record: RunRecord, { message }: Exclude<Outcome, { kind: "done" }>): string {
    const { log, clock } = this.#options;
    const { collector, timeouts_in_row } = record;
    record.errors += 1;
    if (timeouts_in_row > TIMEOUTS_TOLERATED) {
      const rest_ms = collector.every_ms * 2 ** (timeouts_in_row - TIMEOUTS_TOLERATED);
      record.rest_until_ms = clock.monotonic() + Math.min(REST_MS_MAX, rest_ms);
    }
    if (record.told === message) return "";
    record.told = message;
    log.warn("Collector failed", { script: collector.name, file: collector.file, message });
    return message;
  }
}

/** A remark stands at the collector's name, unless there is a value of it. */
function withRemark(series: Series, name: string, message: string): Series {
  if (message === "" || series.has(name)) return series;
  return new Map<string, SeriesValue>([...series, [name, { value: null, message }]]);
}

/** Splits a script's series into those with a time of their own, and the others. */
function byOwnTime(series: Series): { timed: Series; plain: Series } {
  const groups = Map.groupBy(
    series,
    ([, value]) => typeof value === "object" && value !== null && value.timestamp !== undefined,
  );
  return { timed: new Map(groups.get(true)), plain: new Map(groups.get(false)) };
}
