/**
 * From what an exporter shows to series: which metrics are wanted, what they are called, and what
 * cannot be stored. Values that are no finite numbers (a quantile of nothing is NaN) and names that
 * the server would not take are left out and counted; too many series are refused as a whole, since
 * which of them would be missing were left to chance.
 */
import type { MetricMetadata } from "../../report.ts";
import type { SeriesValue } from "../collected.ts";
import { type ExpositionFormat, parseExposition } from "./exposition.ts";
import { nameFilter } from "./name_filter.ts";
import type { SeriesHead } from "./exposition_scanner.ts";
import { type Label, seriesName, seriesNameFault } from "./series_name.ts";
import { SERIES_MAX } from "./settings.ts";

/** Remembered beyond twice what a text has. */
const HEADS_SPARE = 1_000;

export interface ExpositionOptions {
  /** Put in front of every name. */
  prefix: string;
  include: readonly string[];
  exclude: readonly string[];
  /** Added to every series that has no label of that name. */
  labels: Readonly<Record<string, string>>;
  /** Whether samples keep a time of their own. */
  timestamps: boolean;
  series_max: number;
}

export interface ExpositionSeries {
  series: Map<string, SeriesValue>;
  metadata: Map<string, MetricMetadata>;
  /** Values that are NaN or infinite. */
  not_finite: number;
  /** Series whose name the server would not take, or that were given twice. */
  unusable: number;
  /** One of the latter. */
  unusable_because?: string;
}

/** Options with the defaults of the settings. */
export function expositionOptions(settings: Partial<ExpositionOptions>): ExpositionOptions {
  const { prefix = "", include = [], exclude = [], labels = {} } = settings;
  const { timestamps = false, series_max = SERIES_MAX } = settings;
  return { prefix, include, exclude, labels, timestamps, series_max };
}

/** What a head is for these options. */
interface Named {
  /** Undefined: not wanted. */
  name?: string;
  fault?: string;
}

/** Reads the texts of one exporter, and remembers what its series are called. */
export class ExpositionReader {
  readonly #options: ExpositionOptions;
  readonly #isWanted: (metric: string) => boolean;
  readonly #heads = new Map<string, SeriesHead>();
  readonly #named = new Map<SeriesHead, Named>();

  constructor(options: ExpositionOptions) {
    this.#options = options;
    this.#isWanted = nameFilter(options);
  }

  /** Series of a text, or a sentence about what is wrong with it. */
  read(text: string, format: ExpositionFormat): ExpositionSeries | { fault: string } {
    const { series_max, timestamps } = this.#options;
    const parsed = parseExposition(text, { format, known: this.#heads });
    if ("fault" in parsed) {
      this.#forget(0);
      return parsed;
    }
    const about = new Map<string, MetricMetadata | undefined>();
    const read: ExpositionSeries = {
      series: new Map(),
      metadata: new Map(),
      not_finite: 0,
      unusable: 0,
    };
    let count = 0;
    for (const { head, value, at_ms } of parsed.samples) {
      const { name, fault } = this.#nameOf(head);
      if (name === undefined) continue;
      count++;
      if (!Number.isFinite(value)) {
        read.not_finite++;
        continue;
      }
      const wrong = fault ?? (read.series.has(name) ? "is given twice" : undefined);
      if (wrong !== undefined) {
        read.unusable++;
        read.unusable_because ??= `${name.slice(0, 100)} ${wrong}`;
        continue;
      }
      const own_time = timestamps && at_ms !== undefined;
      read.series.set(name, own_time ? { value, timestamp: at_ms / 1000 } : value);
      const { metric } = head;
      if (!about.has(metric)) about.set(metric, parsed.metadata(metric));
      const metadata = about.get(metric);
      if (metadata !== undefined) read.metadata.set(name, metadata);
    }
    this.#forget(parsed.samples.length);
    if (count <= series_max) return read;
    return {
      fault: `${count} series are more than series_max (${series_max}): ` +
        "raise it, or leave some out with exclude",
    };
  }

  #nameOf(head: SeriesHead): Named {
    const known = this.#named.get(head);
    if (known !== undefined) return known;
    const { prefix, labels } = this.#options;
    const named: Named = {};
    if (this.#isWanted(head.metric)) {
      const all = withAdded(head.labels, Object.entries(labels));
      named.name = seriesName(`${prefix}${head.metric}`, all);
      named.fault = seriesNameFault(named.name);
    }
    this.#named.set(head, named);
    return named;
  }

  /** Series that come and go must not be remembered for ever. */
  #forget(samples: number): void {
    if (this.#heads.size <= 2 * samples + HEADS_SPARE) return;
    this.#heads.clear();
    this.#named.clear();
  }
}

function withAdded(own: readonly Label[], added: readonly Label[]): readonly Label[] {
  if (added.length === 0) return own;
  return [...own, ...added.filter(([name]) => !own.some(([other]) => other === name))];
}

/** A remark about series that were left out for their names; undefined when there are none. */
export function unusableText({ unusable, unusable_because = "" }: ExpositionSeries) {
  return unusable === 0 ? undefined : `${unusable} series left out: ${unusable_because}`;
}
