/**
 * The server's own numbers: what it has counted, what it has just measured, how long things took. Pure:
 * who wants to see them reads all at once (`all`), as Prometheus text (text.ts) or as the series of a
 * host (series.ts).
 *
 * A step registers its numbers once, when it is put together, in a file `metrics.ts` of its own. What
 * it counts anyway is read when somebody looks (`read`), so that counting costs nothing; only what
 * nobody counts yet is a `counter`, `gauge` or `histogram` here.
 *
 * Names follow Prometheus: `monitor_server_…`, base units (`_seconds`, `_bytes`) in the name, counters
 * end in `_total`. A metric has at most one label, with a bounded number of values: what comes from
 * outside (a host, a path, a token) is no label.
 */

export type MetricKind = "counter" | "gauge" | "histogram";

export interface MetricAbout {
  /** One sentence without a full stop. */
  help: string;
  /** The name of its label; without it the metric is one number. */
  label?: string;
}

/** What a function given to `read` answers; undefined: not known just now. */
export type Reading = number | undefined | Iterable<readonly [label: string, value: number]>;

export interface HistogramState {
  /** Upper bounds, ascending; the last bucket has none. */
  bounds: readonly number[];
  /** Of each bucket alone, one more than bounds. */
  counts: readonly number[];
  sum: number;
}

/** A metric at the time of reading. */
export interface MetricState extends MetricAbout {
  name: string;
  kind: MetricKind;
  /** Of a counter or gauge: label (undefined without one) and value. */
  points: readonly (readonly [label: string | undefined, value: number])[];
  histogram?: HistogramState;
}

/** Label values of one metric; what comes later is counted together. */
const LABELS_MAX = 50;
export const OTHER_LABEL = "other";
/** A reply takes from a tenth of a millisecond to half a minute. */
const SECONDS_BOUNDS = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
] as const;

const NAME = /^monitor_server_[a-z][a-z0-9_]*$/;

/** Numbers by label, bounded. Without a label the key is "". */
class Values {
  readonly values = new Map<string, number>();

  keyOf(label: string): string {
    return this.values.has(label) || this.values.size < LABELS_MAX ? label : OTHER_LABEL;
  }

  points(has_label: boolean): MetricState["points"] {
    return [...this.values].map(([label, value]) => [has_label ? label : undefined, value]);
  }
}

/** Only goes up. */
export class Counter {
  readonly #values = new Values();
  constructor(readonly about: MetricAbout) {
    if (about.label === undefined) this.#values.values.set("", 0);
  }

  add(count = 1, label = ""): void {
    const key = this.#values.keyOf(label);
    this.#values.values.set(key, (this.#values.values.get(key) ?? 0) + count);
  }

  points(): MetricState["points"] {
    return this.#values.points(this.about.label !== undefined);
  }
}

/** The newest value; not there until it is set. */
export class Gauge {
  readonly #values = new Values();
  constructor(readonly about: MetricAbout) {}

  /** Undefined: not known any more. */
  set(value: number | undefined, label = ""): void {
    const key = this.#values.keyOf(label);
    if (value === undefined) this.#values.values.delete(key);
    else this.#values.values.set(key, value);
  }

  points(): MetricState["points"] {
    return this.#values.points(this.about.label !== undefined);
  }
}

/** How often something took how long (or was how large). */
export class Histogram {
  readonly #counts: number[];
  #sum = 0;

  constructor(readonly bounds: readonly number[] = SECONDS_BOUNDS) {
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  state(): HistogramState {
    return { bounds: this.bounds, counts: [...this.#counts], sum: this.#sum };
  }
}

interface Registered extends MetricAbout {
  kind: MetricKind;
  read: () => Pick<MetricState, "points" | "histogram">;
}

export class Registry {
  readonly #metrics = new Map<string, Registered>();

  /** A number that whoever has it counts up. `name` ends in `_total`. */
  counter(name: string, about: MetricAbout): Counter {
    const counter = new Counter(about);
    this.#register(name, { ...about, kind: "counter", read: () => ({ points: counter.points() }) });
    return counter;
  }

  gauge(name: string, about: MetricAbout): Gauge {
    const gauge = new Gauge(about);
    this.#register(name, { ...about, kind: "gauge", read: () => ({ points: gauge.points() }) });
    return gauge;
  }

  /** Default bounds: of seconds, from a millisecond to half a minute. */
  histogram(name: string, about: { help: string; bounds?: readonly number[] }): Histogram {
    const { help, bounds } = about;
    const histogram = new Histogram(bounds);
    const read = () => ({ points: [], histogram: histogram.state() });
    this.#register(name, { help, kind: "histogram", read });
    return histogram;
  }

  /** A number that somebody has anyway: `read` is called whenever all are looked at; it must be cheap. */
  read(
    name: string,
    about: MetricAbout & { kind: "counter" | "gauge" },
    read: () => Reading,
  ): void {
    this.#register(name, { ...about, read: () => ({ points: pointsOf(read(), about) }) });
  }

  /** Everything, by name. */
  all(): MetricState[] {
    return [...this.#metrics]
      .sort(([a], [b]) => a < b ? -1 : 1)
      .map(([name, { help, label, kind, read }]) => ({ name, help, label, kind, ...read() }));
  }

  #register(name: string, metric: Registered): void {
    if (!NAME.test(name)) throw new Error(`BUG: ${name} must be like monitor_server_queue_bytes`);
    if (name.endsWith("_total") !== (metric.kind === "counter")) {
      throw new Error(`BUG: ${name} must end in _total if and only if it is a counter`);
    }
    if (this.#metrics.has(name)) throw new Error(`BUG: ${name} is registered twice`);
    this.#metrics.set(name, metric);
  }
}

function pointsOf(
  reading: Reading,
  { label, kind }: Registered | ReadAbout,
): MetricState["points"] {
  if (reading === undefined) return [];
  if (typeof reading === "number") return [[undefined, reading]];
  if (label === undefined) throw new Error("BUG: a metric without a label has one number");
  const values = new Values();
  for (const [name, value] of reading) {
    const key = values.keyOf(name);
    // what does not fit is added up; of gauges that is at least their size
    values.values.set(key, (key === name ? 0 : values.values.get(key) ?? 0) + value);
  }
  return values.points(kind !== "histogram");
}

type ReadAbout = MetricAbout & { kind: "counter" | "gauge" };
