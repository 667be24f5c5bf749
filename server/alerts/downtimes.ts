/** Downtimes as people handle them: made, looked at beforehand, extended, ended, taken back. */
import type { Sql } from "../../db/connect.ts";
import {
  deleteDowntime,
  type Downtime,
  type DowntimeChange,
  type DowntimeInput,
  insertDowntime,
  selectDowntime,
  selectDowntimes,
  updateDowntime,
} from "../../db/downtimes.ts";
import { selectHosts } from "../../db/hosts.ts";
import { selectIncidents } from "../../db/incidents.ts";
import type { Occurrence } from "./calendar.ts";
import {
  activeOccurrence,
  isAbout,
  isAboutHost,
  nextOccurrences,
  occurrencesWithin,
  subjectOf,
} from "./downtime.ts";
import { calendarText } from "./ical.ts";

/** Occurrences that are told in advance. */
const NEXT_COUNT = 3;
/** More open incidents than this are counted, not listed. */
const INCIDENTS_MAX = 10_000;
/** Of one downtime in a span. */
const SPANS_MAX = 100;
/** The feed shows what was lately. */
const FEED_PAST_MS = 30 * 86_400_000;

/** There is no such downtime or host. */
export class DowntimeNotFoundError extends Error {
  override name = "NotFoundError";
}

/** It cannot be what was asked for. */
export class DowntimeRefusedError extends Error {
  override name = "RefusedError";
}

export interface ListedDowntime extends Downtime {
  /** The occurrence that is in force. */
  active: Occurrence | undefined;
  next: Occurrence[];
}

export interface DowntimePreview {
  hostnames: string[];
  incidents: { id: number; hostname: string; severity: string; summary: string }[];
  occurrences: Occurrence[];
}

export interface DowntimesOptions {
  sql: Sql;
  now: () => number;
  /** Whoever tells has to look again. */
  onChange: () => void;
}

export class Downtimes {
  readonly #options: DowntimesOptions;

  constructor(options: DowntimesOptions) {
    this.#options = options;
  }

  /** Those that are not over; of one host, when it is named. */
  async list(hostname?: string): Promise<ListedDowntime[]> {
    const { sql, now } = this.#options;
    const now_ms = now();
    const all = (await selectDowntimes(sql, now_ms))
      .map((downtime) => listed(downtime, now_ms))
      .filter(({ active, next }) => active !== undefined || next.length > 0);
    return await this.#about(all, hostname);
  }

  /** When downtimes were or will be in force within a span, each with its downtime. */
  async spans(
    { from_ms, to_ms, hostname }: { from_ms: number; to_ms: number; hostname?: string },
  ): Promise<{ downtime: Downtime; occurrence: Occurrence }[]> {
    const { sql } = this.#options;
    const span = { from_ms, to_ms, count: SPANS_MAX };
    const all = await selectDowntimes(sql, from_ms);
    return (await this.#about(all, hostname)).flatMap((downtime) =>
      occurrencesWithin(downtime, span).map((occurrence) => ({ downtime, occurrence }))
    );
  }

  async #about<T extends Downtime>(all: readonly T[], hostname?: string): Promise<T[]> {
    if (hostname === undefined) return [...all];
    const host = (await selectHosts(this.#options.sql)).find((one) => one.hostname === hostname);
    const subject = { hostname, tags: host?.tags ?? {} };
    return all.filter((downtime) => isAboutHost(downtime, subject));
  }

  /** One that is not deleted. Throws DowntimeNotFoundError. */
  async get(id: number): Promise<ListedDowntime> {
    const { sql, now } = this.#options;
    const downtime = await selectDowntime(sql, id);
    if (downtime === undefined) throw noDowntime(id);
    return listed(downtime, now());
  }

  /** Returns its id. Throws DowntimeRefusedError when it would never be in force. */
  async add(input: DowntimeInput): Promise<number> {
    const { sql, now, onChange } = this.#options;
    check(input, now());
    const id = await insertDowntime(sql, input, now());
    onChange();
    return id;
  }

  /** The form of `POST /downtime`: the host has to be known. */
  async addForHost(hostname: string, span: { start_ms: number; end_ms: number }): Promise<number> {
    const { sql } = this.#options;
    const hosts = await selectHosts(sql);
    if (!hosts.some((host) => host.hostname === hostname)) {
      throw new DowntimeNotFoundError(`Cannot find the host ${JSON.stringify(hostname)}`);
    }
    const nothing = {
      hosts: [],
      tags: {},
      rules: [],
      pattern: null,
      duration_ms: null,
      zone: null,
    };
    return await this.add({ ...nothing, ...span, hostname, note: "", created_by: null });
  }

  /** What it would be about, and when, without making it. */
  async preview(input: DowntimeInput): Promise<DowntimePreview> {
    const { sql, now } = this.#options;
    const now_ms = now();
    check(input, now_ms);
    const hosts = await selectHosts(sql);
    const open = await selectIncidents(sql, { state: "open", limit: INCIDENTS_MAX });
    const { active, next } = listed({ ...input, id: 0, ended_ms: null }, now_ms);
    return {
      hostnames: hosts.filter((host) => isAboutHost(input, host)).map(({ hostname }) => hostname),
      incidents: open.filter((incident) => isAbout(input, subjectOf(incident))).map((
        { id, hostname, severity, summary },
      ) => ({ id, hostname, severity, summary })),
      occurrences: active === undefined ? next : [active, ...next],
    };
  }

  /**
   * Goes on longer: a one-off downtime, or the occurrence of a recurring one that is in force. The
   * latter gets a downtime of its own for the time that is added, whose id is returned.
   */
  async extend(id: number, wanted: { end_ms?: number; by_ms?: number }): Promise<number> {
    const { now } = this.#options;
    const downtime = await this.get(id);
    const current_ms = downtime.active?.end_ms ??
      (downtime.pattern === null ? downtime.end_ms : undefined);
    if (current_ms === undefined || current_ms === null) {
      throw new DowntimeRefusedError(`Cannot extend downtime ${id}: it is not in force just now`);
    }
    const end_ms = wanted.end_ms ?? Math.max(current_ms, now()) + (wanted.by_ms ?? 0);
    if (end_ms <= current_ms) {
      throw new DowntimeRefusedError(
        `Cannot extend downtime ${id}: the end must be after ${shown(current_ms)}: ` +
          `current value is ${shown(end_ms)}`,
      );
    }
    if (downtime.pattern === null) {
      await this.change(id, { end_ms });
      return id;
    }
    const once = { pattern: null, duration_ms: null, zone: null };
    return await this.add({ ...downtime, ...once, start_ms: current_ms, end_ms });
  }

  /** Over now: a one-off downtime, or the occurrence that is in force. */
  async end(id: number): Promise<void> {
    const { now } = this.#options;
    const { active } = await this.get(id);
    if (active === undefined) {
      throw new DowntimeRefusedError(
        `Cannot end downtime ${id}: it is not in force just now; delete it to take it back`,
      );
    }
    // what has begun in this millisecond is over, too
    await this.change(id, { ended_ms: Math.max(now(), active.start_ms + 1) });
  }

  /** Throws DowntimeNotFoundError, DowntimeRefusedError. */
  async change(id: number, change: DowntimeChange): Promise<void> {
    const { sql, now, onChange } = this.#options;
    const downtime = await this.get(id);
    const start_ms = change.start_ms ?? downtime.start_ms;
    const end_ms = change.end_ms ?? downtime.end_ms;
    if (end_ms !== null && end_ms <= start_ms) {
      throw new DowntimeRefusedError(
        `Cannot change downtime ${id}: its end must be after its start, ${shown(start_ms)}: ` +
          `current value is ${shown(end_ms)}`,
      );
    }
    if (!await updateDowntime(sql, { id, change }, now())) throw noDowntime(id);
    onChange();
  }

  /** Throws DowntimeNotFoundError. */
  async remove(id: number): Promise<void> {
    const { sql, now, onChange } = this.#options;
    if (!await deleteDowntime(sql, id, now())) throw noDowntime(id);
    onChange();
  }

  /** All of them as an iCalendar feed. */
  async calendar(): Promise<string> {
    const { sql, now } = this.#options;
    const now_ms = now();
    const since_ms = now_ms - FEED_PAST_MS;
    return calendarText(await selectDowntimes(sql, since_ms), { now_ms, since_ms });
  }
}

function listed(downtime: Downtime, now_ms: number): ListedDowntime {
  return {
    ...downtime,
    active: activeOccurrence(downtime, now_ms),
    next: nextOccurrences(downtime, { at_ms: now_ms, count: NEXT_COUNT }),
  };
}

function check(input: DowntimeInput, now_ms: number): void {
  const { active, next } = listed({ ...input, id: 0, ended_ms: null }, now_ms);
  if (active !== undefined || next.length > 0) return;
  const why = input.pattern === null
    ? `its end must be in the future and after its start: current value is ${
      shown(input.end_ms ?? 0)
    }`
    : "its pattern gives no time between its start and its end";
  throw new DowntimeRefusedError(`Cannot make the downtime: ${why}`);
}

function shown(at_ms: number): string {
  return new Date(at_ms).toISOString();
}

function noDowntime(id: number): DowntimeNotFoundError {
  return new DowntimeNotFoundError(`Cannot find downtime ${id}`);
}
