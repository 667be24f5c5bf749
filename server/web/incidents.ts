/**
 * What is wrong just now, and which downtimes there are: read once for the whole page, again when the
 * server says that something has happened, and every few seconds in case another server did it.
 */
import { computed, effect, signal } from "@preact/signals";
import { matchesGlob } from "../wire/glob.ts";
import type { DowntimeAnswer } from "../wire/downtime.ts";
import { ApiError, type HostGlance, pathWith, request } from "./api.ts";
import { hosts, news } from "./live.ts";
import { type State, stateOf } from "./state.ts";
import { TEXT } from "./text.ts";
import { turns } from "./turns.ts";

export type Severity = "warning" | "critical";

export interface Incident {
  id: number;
  state: "open" | "resolved";
  severity: Severity;
  worst_severity: Severity;
  host: string;
  /** Null: it is about the host. */
  metric: string | null;
  story: string;
  summary: string;
  value: number | null;
  threshold: number | null;
  rule_id: number;
  rule_name: string;
  labels: Record<string, string>;
  flapping: boolean;
  /** Why nothing is known just now. */
  unknown: string | null;
  opened: number;
  resolved: number | null;
  resolved_reason: string | null;
  acknowledged:
    | { at: number; who: string | null; note: string | null; until: number | null }
    | null;
}

export interface IncidentPage {
  incidents: Incident[];
  next: string | null;
}

/** More at once is one disaster: the newest are listed. */
export const OPEN_MAX = 1_000;
/** Somebody else's server may have changed something without a word. */
const AGAIN_MS = 5_000;
const DOWNTIMES_AGAIN_MS = 30_000;

/** Undefined until they are known. The worst first. */
export const open_incidents = signal<readonly Incident[] | undefined>(undefined);
export const incidents_error = signal<string | undefined>(undefined);
export const downtimes = signal<readonly DowntimeAnswer[] | undefined>(undefined);
export const downtimes_error = signal<string | undefined>(undefined);

/** The worst first, within it those nobody looks after, then the newest. */
export function worstFirst(a: Incident, b: Incident): number {
  const rank = ({ severity, acknowledged }: Incident) =>
    (severity === "critical" ? 0 : 2) + (acknowledged === null ? 0 : 1);
  return rank(a) - rank(b) || b.opened - a.opened || b.id - a.id;
}

function faultOf(error: unknown): string {
  return error instanceof ApiError ? error.message : TEXT.errors.network;
}

const takeIncidentsTurn = turns();
const takeDowntimesTurn = turns();

export async function readIncidents(): Promise<void> {
  const isNews = takeIncidentsTurn();
  try {
    const path = pathWith("/api/v1/incidents", { state: "open", limit: OPEN_MAX });
    const { incidents } = await request<IncidentPage>(path);
    if (!isNews()) return;
    const sorted = incidents.sort(worstFirst);
    // what is the same is shown already
    if (JSON.stringify(sorted) !== JSON.stringify(open_incidents.peek())) {
      open_incidents.value = sorted;
    }
    incidents_error.value = undefined;
  } catch (error) {
    if (isNews()) incidents_error.value = faultOf(error);
  }
}

export async function readDowntimes(): Promise<void> {
  const isNews = takeDowntimesTurn();
  try {
    const answer = await request<{ downtimes: DowntimeAnswer[] }>("/api/v1/downtimes");
    if (!isNews()) return;
    downtimes.value = answer.downtimes;
    downtimes_error.value = undefined;
  } catch (error) {
    if (isNews()) downtimes_error.value = faultOf(error);
  }
}

/** Reads both again: something was changed. */
export function readNews(): void {
  void readIncidents();
  void readDowntimes();
}

/** Keeps both up to date while somebody looks; the function that is returned ends it. */
export function followIncidents(): () => void {
  const stop = effect(() => {
    void news.value;
    readNews();
  });
  const timers = [
    setInterval(() => document.hidden || void readIncidents(), AGAIN_MS),
    setInterval(() => document.hidden || void readDowntimes(), DOWNTIMES_AGAIN_MS),
  ];
  return () => {
    stop();
    timers.forEach(clearInterval);
  };
}

/** Open incidents by host, the worst first. */
export const incidents_by_host = computed((): ReadonlyMap<string, readonly Incident[]> =>
  Map.groupBy(open_incidents.value ?? [], ({ host }) => host)
);

/** Does a downtime select this host? */
export function isAboutHost(
  { hostname, hosts: patterns, tags }: Pick<DowntimeAnswer, "hostname" | "hosts" | "tags">,
  host: Pick<HostGlance, "hostname" | "tags">,
): boolean {
  if (hostname !== null && hostname !== host.hostname) return false;
  if (patterns.length > 0 && !patterns.some((one) => matchesGlob(one, host.hostname))) return false;
  return Object.entries(tags).every(([name, pattern]) => {
    const value = Object.hasOwn(host.tags, name) ? host.tags[name] : undefined;
    return value !== undefined && matchesGlob(pattern, value);
  });
}

/** Hosts of which nobody is told anything just now, with the downtime that is the reason. */
export const hosts_in_downtime = computed((): ReadonlyMap<string, DowntimeAnswer> => {
  const active = (downtimes.value ?? []).filter(({ active, rules }) =>
    active !== null && rules.length === 0
  );
  const found = new Map<string, DowntimeAnswer>();
  if (active.length === 0) return found;
  for (const host of hosts.value?.values() ?? []) {
    const downtime = active.find((one) => isAboutHost(one, host));
    if (downtime !== undefined) found.set(host.hostname, downtime);
  }
  return found;
});

/** How a host is: planned work is no trouble, else the worst of its incidents counts. */
export function hostState(host: HostGlance, now_s: number): State {
  if (hosts_in_downtime.value.has(host.hostname)) return "downtime";
  return stateOf(host, now_s, incidents_by_host.value.get(host.hostname)?.[0]?.severity);
}
