/**
 * A Prometheus exporter as a collector. Its series have the names it gives them; what the scrape itself
 * was like stands under the collector's name, also when it failed: `node.up` is 0 then.
 */
import type { MetricMetadata } from "../../report.ts";
import type { SeriesValue } from "../collected.ts";
import type { Outcome, Run, Runner } from "../runner.ts";
import { expositionOptions, ExpositionReader, unusableText } from "./exposition_series.ts";
import { getPage } from "./scrape_request.ts";
import type { ScrapeSettings } from "./settings.ts";
import type { SourceContext } from "./source.ts";

const ABOUT: Record<string, MetricMetadata> = {
  up: { kind: "state", description: "Whether the exporter could be read" },
  scrape_seconds: { kind: "gauge", unit: "s", description: "Time the exporter took to answer" },
  scrape_series: { kind: "gauge", description: "Series taken from the exporter" },
  scrape_not_finite: { kind: "gauge", description: "Values left out, being NaN or infinite" },
};

export class ScrapeRunner implements Runner {
  readonly #name: string;
  readonly #settings: ScrapeSettings;
  readonly #context: SourceContext;
  readonly #reader: ExpositionReader;
  readonly #stop = new AbortController();
  #metadata: ReadonlyMap<string, MetricMetadata> = new Map();
  #running: Promise<unknown> = Promise.resolve();

  constructor(collector: { name: string; settings: ScrapeSettings }, context: SourceContext) {
    this.#name = collector.name;
    this.#settings = collector.settings;
    this.#context = context;
    this.#reader = new ExpositionReader(expositionOptions(collector.settings));
  }

  collect(run: Run): Promise<Outcome> {
    const running = this.#collect(run);
    this.#running = running;
    return running;
  }

  metadata(series: string): MetricMetadata | undefined {
    const own = series.startsWith(`${this.#name}.`) ? series.slice(this.#name.length + 1) : "";
    return this.#metadata.get(series) ?? (Object.hasOwn(ABOUT, own) ? ABOUT[own] : undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #collect({ timeout_ms }: Run): Promise<Outcome> {
    const { url, token_file, bytes_max } = this.#settings;
    const place = shownUrl(url);
    const { clock } = this.#context;
    const begin_ms = clock.monotonic();
    const token = token_file === undefined ? undefined : await readToken(token_file);
    if (typeof token === "object") return this.#down({ kind: "failed", message: token.fault });
    const signal = this.#stop.signal;
    const answer = await getPage({ url, token, timeout_ms, bytes_max, clock, signal });
    if (answer.kind === "lost") return { kind: "lost", message: answer.message };
    if (answer.kind !== "page") {
      const { kind, message } = answer;
      return this.#down({ kind, message: `cannot read ${place}: ${message}` });
    }
    const seconds = (clock.monotonic() - begin_ms) / 1000;
    const read = this.#reader.read(answer.text, answer.format);
    if ("fault" in read) {
      return this.#down({ kind: "failed", message: `cannot take ${place}: ${read.fault}` });
    }
    this.#metadata = read.metadata;
    const { series } = read;
    const about = { up: 1, scrape_seconds: Math.round(seconds * 1e6) / 1e6 };
    this.#add(series, {
      ...about,
      scrape_series: series.size,
      scrape_not_finite: read.not_finite,
    });
    return { kind: "done", series, note: unusableText(read) };
  }

  #down(outcome: { kind: "failed" | "timeout"; message: string }): Outcome {
    const series = new Map<string, SeriesValue>();
    this.#add(series, { up: 0 });
    return { ...outcome, series };
  }

  /** What the exporter itself calls so is left as it is. */
  #add(series: Map<string, SeriesValue>, about: Record<string, number>): void {
    for (const [name, value] of Object.entries(about)) {
      const key = `${this.#name}.${name}`;
      if (!series.has(key)) series.set(key, value);
    }
  }
}

/** Without what stands behind the path, which may be a secret. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** Read at every scrape: tokens of a cluster are changed every hour. */
async function readToken(file: string): Promise<string | { fault: string }> {
  try {
    const token = (await Deno.readTextFile(file)).trim();
    // Anything else cannot be sent, and would be repeated in an error about headers.
    if (/^[\x21-\x7e]+$/.test(token)) return token;
    return { fault: `token_file ${file} must have one line of visible characters` };
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "it does not exist" : String(error);
    return { fault: `token_file ${file} cannot be read: ${why}` };
  }
}
