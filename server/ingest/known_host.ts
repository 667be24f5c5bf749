/** What is remembered of a host: its templates, its shapes, what it said about itself. */
import { createHash } from "node:crypto";
import type { AgentFacts, HostFacts } from "../../report.ts";
import type { Template } from "./template.ts";

/** Templates tried for one host, most recent first; a host sends few different reports. */
const HOST_TEMPLATES_MAX = 4;
/**
 * A sender that writes its keys in another order each time (Go maps) would make a template a report
 * and never use one. Making one costs a point, using one earns one, without points none is made.
 */
const LEARN_POINTS_MAX = 8;

/** Alias, location and tags as JSON, and a digest of what the agent said: that is some kilobytes. */
interface Said {
  facts: string;
  agent: string;
}

function digestOf(facts: AgentFacts): string {
  return createHash("sha256").update(JSON.stringify(facts)).digest("base64");
}

/** A host whose row exists. */
export class KnownHost {
  readonly templates: Template[] = [];
  readonly shape_ids = new Set<number>();
  /** All its series, when it has as many as it may have (series_limit.ts). */
  series: ReadonlySet<string> | undefined;
  /** Of what the host said about itself, what was applied last. */
  #said: Said = { facts: "", agent: "" };
  /** The last time this server gave to a report without one. */
  #last_given_ms = 0;
  #points = LEARN_POINTS_MAX;

  constructor(readonly id: number, readonly hostname: string, readonly name_bytes: Uint8Array) {}

  /** Does its name stand in `bytes` from `start` to `end`? */
  hasName(bytes: Uint8Array, { start, end }: { start: number; end: number }): boolean {
    return sameBytes(this.name_bytes, bytes, start, end);
  }

  /**
   * The time for a report that has none. Never the same twice: two of them within a millisecond
   * would be taken for one report sent twice.
   */
  timeGiven(now_ms: number): number {
    this.#last_given_ms = Math.max(Math.round(now_ms), this.#last_given_ms + 1);
    return this.#last_given_ms;
  }

  /** What is to be remembered of these facts once they are applied; undefined when nothing is new. */
  news(facts: HostFacts): Said | undefined {
    const { alias, location, tags, agent } = facts;
    const before = this.#said;
    const said = alias !== undefined || location !== undefined || tags !== undefined;
    const next = {
      facts: said ? JSON.stringify([alias, location, tags]) : before.facts,
      agent: agent === undefined ? before.agent : digestOf(agent),
    };
    return next.facts === before.facts && next.agent === before.agent ? undefined : next;
  }

  /** Facts are applied. Templates with other ones in their text must not match any more. */
  applied(said: Said): void {
    this.#said = said;
    this.templates.length = 0;
  }

  get may_learn(): boolean {
    return this.#points > 0;
  }

  learned(template: Template): void {
    this.#points--;
    if (this.templates.includes(template)) return;
    this.templates.unshift(template);
    this.templates.length = Math.min(this.templates.length, HOST_TEMPLATES_MAX);
  }

  matched(position: number): void {
    this.#points = Math.min(this.#points + 1, LEARN_POINTS_MAX);
    if (position === 0) return;
    const [template] = this.templates.splice(position, 1);
    if (template !== undefined) this.templates.unshift(template);
  }
}

const encoder = new TextEncoder();

/** FNV-1a over the bytes of a host's name, as `NameReader` computes it. */
function nameHash(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

function sameBytes(a: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
  if (a.length !== end - start) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[start + i]) return false;
  return true;
}

/** All hosts this server has met. */
export class HostIndex {
  readonly #by_name = new Map<string, KnownHost>();
  readonly #by_hash = new Map<number, KnownHost[]>();

  get(hostname: string): KnownHost | undefined {
    return this.#by_name.get(hostname);
  }

  has(hostname: string): boolean {
    return this.#by_name.has(hostname);
  }

  add(id: number, hostname: string): void {
    const bytes = encoder.encode(hostname);
    const host = new KnownHost(id, hostname, bytes);
    this.#by_name.set(hostname, host);
    const hash = nameHash(bytes);
    const same = this.#by_hash.get(hash);
    if (same === undefined) this.#by_hash.set(hash, [host]);
    else same.push(host);
  }

  /** The host whose name stands in `bytes` from `start` to `end`. */
  find(
    bytes: Uint8Array,
    name: { start: number; end: number; hash: number },
  ): KnownHost | undefined {
    const candidates = this.#by_hash.get(name.hash);
    if (candidates === undefined) return undefined;
    for (const host of candidates) {
      if (host.hasName(bytes, name)) return host;
    }
    return undefined;
  }
}
