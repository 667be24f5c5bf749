/**
 * What the evaluator has to know of the past, read for many series at once: samples for windows,
 * habits for what is unusual, and the points that are kept with an incident as its evidence.
 */
import type { OpenedIncident } from "../../db/alerts.ts";
import type { CellKey } from "../../db/block_cells.ts";
import type { Sql } from "../../db/connect.ts";
import { updatePoints } from "../../db/incidents.ts";
import type { Samples } from "../query/samples.ts";
import { readWindows } from "../query/windows.ts";
import { UNUSUAL_OVER_MS } from "./derived.ts";
import type { Evaluator, Missing } from "./evaluator.ts";
import type { Entry } from "./selection.ts";
import { baselineOf } from "./trend.ts";
import type { WatchedHost } from "./watched_host.ts";

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
/** Longer windows are filled with averages of five minutes. */
const RAW_MS_MAX = 2 * HOUR_MS;
/** Points kept with an incident: those of a quarter of an hour, at most so many. */
const EVIDENCE_MS = 15 * 60_000;
const EVIDENCE_POINTS_MAX = 120;
/** Incidents opened at once that get their points; with more, one is like the other. */
const EVIDENCE_INCIDENTS_MAX = 200;
/** How often the points of what was opened at once are asked for, and of how many such groups. */
const EVIDENCE_TRIES = 5;
const EVIDENCE_GROUPS_MAX = 20;

interface PastSamples {
  times_ms: ArrayLike<number>;
  values: ArrayLike<number>;
}

/** Fills windows whose series have begun to be looked at. What cannot be read waits for the next time. */
export async function fillMissing(
  sql: Sql,
  evaluator: Evaluator,
  now_ms: number,
): Promise<void> {
  const unread = new Set(evaluator.takeMissing());
  try {
    for (const missing of Map.groupBy(unread, ({ entry }) => entry.active.id).values()) {
      await fillGroup(sql, { evaluator, missing, unread, now_ms });
    }
  } finally {
    evaluator.putBack(unread);
  }
}

/** Those of one rule; each that is filled leaves `unread`. */
async function fillGroup(
  sql: Sql,
  { evaluator, missing, unread, now_ms }: {
    evaluator: Evaluator;
    missing: readonly Missing[];
    unread: Set<Missing>;
    now_ms: number;
  },
): Promise<void> {
  const over_ms = overOf(missing);
  // of one base before the window, which is at most as far away as the window is long
  const from_ms = now_ms - over_ms * 2;
  const tier = over_ms > RAW_MS_MAX ? "5m" : "raw";
  const keys = missing.map(({ host, entry }) => evaluator.keysOf(host, entry.metric));
  const fill = (one: Missing | undefined, { times_ms, values }: PastSamples) => {
    if (one === undefined) return;
    evaluator.fill(one, times_ms, values);
    unread.delete(one);
  };
  await readWindows(sql, keys, {
    from_ms,
    before_ms: now_ms + 1,
    tier,
    found: (index, samples) => fill(missing[index], samples),
  });
  // there is no past of the others
  for (const one of missing) if (unread.has(one)) fill(one, { times_ms: [], values: [] });
}

function overOf(missing: readonly Missing[]): number {
  const rule = missing[0]?.entry.active.rule;
  return rule?.condition === "unusual" ? UNUSUAL_OVER_MS : rule?.over_ms ?? 0;
}

/** Learns what is usual at this hour of the week, for every series of which it is not known. */
export async function learnHabits(
  sql: Sql,
  evaluator: Evaluator,
  now_ms: number,
): Promise<void> {
  const hour_ms = Math.floor(now_ms / HOUR_MS) * HOUR_MS;
  const wanted: { host: WatchedHost; entry: Entry }[] = [];
  for (const host of evaluator.hosts.values()) {
    for (const entry of evaluator.unusualOf(host)) {
      const known = host.baselines.get(entry.slot);
      if (known === undefined || known.until_ms <= now_ms) wanted.push({ host, entry });
    }
  }
  if (wanted.length === 0) return;
  const values = wanted.map((): number[] => []);
  const keys = wanted.map(({ host, entry }) => evaluator.keysOf(host, entry.metric));
  const weeks_max = Math.max(...wanted.map(({ entry }) => entry.active.rule.weeks));
  for (let week = 1; week <= weeks_max; week++) {
    const from_ms = hour_ms - week * WEEK_MS;
    await readWindows(sql, keys, {
      from_ms,
      before_ms: from_ms + HOUR_MS,
      tier: "5m",
      found: (index, samples) => {
        const asked = wanted[index]?.entry.active.rule.weeks ?? 0;
        if (week <= asked) values[index]?.push(...samples.values);
      },
    });
  }
  wanted.forEach(({ host, entry }, index) =>
    host.baselines.set(entry.slot, {
      baseline: baselineOf(values[index] ?? []),
      until_ms: hour_ms + HOUR_MS,
    })
  );
}

/** Keeps the points that led to incidents with them; again when the database was away. */
export class Evidence {
  #wanted: { opened: readonly OpenedIncident[]; tries: number }[] = [];

  /** Incidents that are written by now. */
  want(opened: readonly OpenedIncident[]): void {
    if (opened.length === 0) return;
    this.#wanted = [...this.#wanted, { opened, tries: 0 }].slice(-EVIDENCE_GROUPS_MAX);
  }

  async keep(sql: Sql, evaluator: Evaluator): Promise<void> {
    for (const group of this.#wanted) {
      // one that cannot be read for another reason is not in the way of what has to be told
      if (++group.tries <= EVIDENCE_TRIES) await keepEvidence(sql, evaluator, group.opened);
      this.#wanted = this.#wanted.filter((one) => one !== group);
    }
  }
}

async function keepEvidence(
  sql: Sql,
  evaluator: Evaluator,
  opened: readonly OpenedIncident[],
): Promise<void> {
  const some = opened.filter(({ metric }) => metric !== "").slice(0, EVIDENCE_INCIDENTS_MAX);
  if (some.length === 0) return;
  const keys = some.map(({ host_id, metric }): CellKey[] => {
    const host = evaluator.hosts.get(host_id);
    return host === undefined ? [] : evaluator.keysOf(host, metric);
  });
  const before_ms = Math.max(...some.map(({ opened_at_ms }) => opened_at_ms)) + 1;
  const points: { host_id: number; key: string; points: [number, number][] }[] = [];
  await readWindows(sql, keys, {
    from_ms: before_ms - EVIDENCE_MS,
    before_ms,
    tier: "raw",
    found: (index, samples) => {
      const one = some[index];
      if (one === undefined) return;
      points.push({ host_id: one.host_id, key: one.key, points: pointsOf(samples) });
    },
  });
  if (points.length > 0) await updatePoints(sql, points);
}

/** The newest samples, in seconds. */
function pointsOf({ times_ms, values }: Samples): [number, number][] {
  const first = Math.max(0, times_ms.length - EVIDENCE_POINTS_MAX);
  return Array.from(
    times_ms.subarray(first),
    (at_ms, i) => [at_ms / 1000, values[first + i] ?? 0],
  );
}
