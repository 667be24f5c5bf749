/**
 * When the host's facts are told again: alias, location, tags, what its metrics mean, and what the agent
 * says about itself and its collectors. They are some kilobytes that hardly ever change, so they do not
 * travel with every report.
 */
import type { AgentFacts, MetricMetadata } from "../report.ts";
import type { ReportFacts } from "./report_text.ts";

/** In case the server lost them, or another one answers now. */
const REPEAT_MS = 3_600_000;
/** A collector that fails in another way each time must not have its agent told of at every tick. */
const AGENT_MS_MIN = 60_000;
/** A script that invents names without end must not fill the memory: then all are told anew. */
const SERIES_MAX = 200_000;

/** Of an exporter with thousands of series: about 1 MB a request, the rest goes with the next ones. */
const SERIES_PER_REQUEST_MAX = 2_000;

/** Facts that go with one request; hand it back to `told()` when the server has it. */
export interface DueFacts {
  facts: ReportFacts;
  /** It begins to tell all of them, not only what is new. */
  complete: boolean;
  /** How often the facts had been renewed. */
  renewals: number;
}

export interface HostFactsOptions {
  alias?: string;
  location?: string;
  tags: ReportFacts["tags"];
}

export class HostFacts {
  #host: HostFactsOptions;
  #known = new Map<string, MetricMetadata | undefined>();
  /** Series whose metadata no server was told yet. */
  #fresh = new Map<string, MetricMetadata>();
  #told_at_ms: number | undefined;
  #renewals = 0;
  readonly #describe: (() => AgentFacts) | undefined;
  #agent = { text: "", told_at_ms: -Infinity };

  /** @param describe What the agent says about itself now. */
  constructor(host: HostFactsOptions, describe?: () => AgentFacts) {
    this.#host = host;
    this.#describe = describe;
  }

  /** Facts may be other ones now, also those about series: all are told again. */
  renew(host: HostFactsOptions): void {
    this.#host = host;
    this.#renewals += 1;
    this.#known.clear();
    this.#fresh.clear();
    this.#told_at_ms = undefined;
  }

  /** Notes a series that is about to be reported; `find` is asked the first time only. */
  note(series: string, find: () => MetricMetadata | undefined): void {
    if (this.#known.has(series)) return;
    if (this.#known.size >= SERIES_MAX) this.#known.clear();
    const metadata = find();
    this.#known.set(series, metadata);
    if (metadata !== undefined) this.#fresh.set(series, metadata);
  }

  /** What should go with the next request, if anything. `now_ms` is monotonic. */
  due(now_ms: number): DueFacts | undefined {
    const { alias, location, tags } = this.#host;
    const complete = this.#told_at_ms === undefined || now_ms - this.#told_at_ms >= REPEAT_MS;
    if (complete) {
      for (const [series, known] of this.#known) {
        if (known !== undefined) this.#fresh.set(series, known);
      }
    }
    const metadata = Object.fromEntries(this.#fresh.entries().take(SERIES_PER_REQUEST_MAX));
    const agent = this.#dueAgent(now_ms, complete);
    const renewals = this.#renewals;
    if (complete) {
      return { complete, renewals, facts: { alias, location, tags, metadata, ...agent } };
    }
    if (this.#fresh.size === 0 && agent === undefined) return undefined;
    return { complete, renewals, facts: { tags: {}, metadata, ...agent } };
  }

  #dueAgent(now_ms: number, complete: boolean): { agent: AgentFacts } | undefined {
    const is_early = now_ms - this.#agent.told_at_ms < AGENT_MS_MIN;
    if (this.#describe === undefined || (is_early && !complete)) return undefined;
    const agent = this.#describe();
    return complete || JSON.stringify(agent) !== this.#agent.text ? { agent } : undefined;
  }

  /** The server has answered a request with these facts. */
  told(due: DueFacts, now_ms: number): void {
    // they were on their way when they became others: those are still to be told
    if (due.renewals !== this.#renewals) return;
    if (due.complete) this.#told_at_ms = now_ms;
    const { agent } = due.facts;
    if (agent !== undefined) this.#agent = { text: JSON.stringify(agent), told_at_ms: now_ms };
    for (const series of Object.keys(due.facts.metadata)) this.#fresh.delete(series);
  }
}
