/**
 * What the server tells as it happens. One connection at a time: glances of all hosts, or the reports
 * of the one that is being looked at. When it breaks it is made again; then everything is read anew,
 * since what happened meanwhile was told to nobody.
 *
 * A tab that nobody sees has no connection: a browser gives one server six, and a seventh tab would
 * show nothing.
 */
import { batch, computed, signal } from "@preact/signals";
import { ApiError, type HostGlance, request } from "./api.ts";
import { joinHosts } from "./host_list.ts";
import { TEXT } from "./text.ts";
import { turns } from "./turns.ts";

export const connected = signal(false);
/** By hostname; undefined until they are known. */
export const hosts = signal<ReadonlyMap<string, HostGlance> | undefined>(undefined);
export const hosts_error = signal<string | undefined>(undefined);
/** Goes up whenever the server says that something has happened to incidents or downtimes. */
export const news = signal(0);
/** What time it is at the server, in seconds; the browser's clock may be wrong. */
export const now_s = signal(Date.now() / 1000);

let ahead_s = 0;
let is_known = false;
/** What was under way for longer says what time it was, not what it is. */
const SLOW_MS = 2_000;

/** Takes note of the server's clock, as an answer has it to what was asked at `asked_ms` (monotonic). */
export function noteTime(at_s: number, asked_ms: number): void {
  const is_quick = performance.now() - asked_ms < SLOW_MS;
  if (is_known && !is_quick) return;
  is_known = is_quick;
  ahead_s = at_s - Date.now() / 1000;
  now_s.value = at_s;
}

setInterval(() => now_s.value = Date.now() / 1000 + ahead_s, 1_000);

const collator = new Intl.Collator(undefined, { numeric: true });
let order: readonly string[] = [];

function nameOf({ alias, hostname }: HostGlance): string {
  return alias ?? hostname;
}

/** A monitor server that reports its own numbers: no machine that somebody watches. */
export function isServer({ tags }: Pick<HostGlance, "tags">): boolean {
  return tags.monitor === "server";
}

function byName(a: HostGlance, b: HostGlance): number {
  return Number(isServer(a)) - Number(isServer(b)) || collator.compare(nameOf(a), nameOf(b));
}

/** Hosts in the order of their names, as people sort them: web-2 before web-10; servers last. */
export const sorted_hosts = computed((): HostGlance[] => {
  const known = hosts.value ?? new Map<string, HostGlance>();
  const kept = order.map((hostname) => known.get(hostname)).filter((host) => host !== undefined);
  const is_same = kept.length === known.size &&
    kept.every((host, i) => i === 0 || inOrder(kept[i - 1], host));
  if (is_same) return kept;
  const sorted = [...known.values()].sort(byName);
  order = sorted.map(({ hostname }) => hostname);
  return sorted;
});

/** Compared once for every two neighbours: names that did not change are not compared again. */
const compared = new WeakMap<HostGlance, { after: string; is_right: boolean }>();

function placeOf(host: HostGlance): string {
  return `${isServer(host) ? 1 : 0}${nameOf(host)}`;
}

function inOrder(before: HostGlance | undefined, host: HostGlance): boolean {
  if (before === undefined) return true;
  const after = placeOf(before);
  const known = compared.get(host);
  if (known?.after === after) return known.is_right;
  const is_right = byName(before, host) <= 0;
  compared.set(host, { after, is_right });
  return is_right;
}

const takeTurn = turns();
/** What is told of hosts while lists of all are on their way, for each of these. */
const told_meanwhile = new Set<Map<string, HostGlance>>();

/** Reads all hosts. */
export async function readHosts(): Promise<void> {
  const isNews = takeTurn();
  const asked_ms = performance.now();
  const told = new Map<string, HostGlance>();
  told_meanwhile.add(told);
  try {
    const answer = await request<{ at: number; hosts: HostGlance[] }>("/api/v1/hosts");
    if (!isNews()) return;
    batch(() => {
      noteTime(answer.at, asked_ms);
      hosts.value = joinHosts(answer.hosts, told);
      hosts_error.value = undefined;
    });
  } catch (error) {
    if (isNews()) {
      hosts_error.value = error instanceof ApiError ? error.message : TEXT.errors.network;
    }
  } finally {
    told_meanwhile.delete(told);
  }
}

/** A tab is hidden for so long before it lets go of its connection. */
const HIDDEN_MS = 5_000;
/** A browser does not come again by itself when the answer was no stream: a proxy's 502. */
const AGAIN_MS = 3_000;

function follow(url: string, event_name: string, onEvent: (data: string) => void): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    source?.close();
    source = undefined;
    connected.value = false;
  };
  const open = () => {
    if (source !== undefined) return;
    source = new EventSource(url);
    source.addEventListener("open", () => {
      connected.value = true;
      void readHosts();
      news.value++;
    });
    source.addEventListener("incidents", () => news.value++);
    source.addEventListener("error", () => {
      connected.value = false;
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      timer = setTimeout(look, AGAIN_MS);
    });
    source.addEventListener(event_name, (event) => onEvent(event.data));
  };
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(close, HIDDEN_MS);
    else open();
  };
  document.addEventListener("visibilitychange", look);
  if (!document.hidden) open();
  return () => {
    document.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
    close();
  };
}

/** Keeps `hosts` up to date; the function that is returned ends it. */
export function followHosts(): () => void {
  return follow("/api/v1/live", "hosts", (data) => {
    const changed: HostGlance[] = JSON.parse(data);
    const next = new Map(hosts.value);
    for (const host of changed) {
      next.set(host.hostname, host);
      for (const told of told_meanwhile) told.set(host.hostname, host);
    }
    hosts.value = next;
  });
}

/** Newest values of one host, as they come. */
export interface HostReport {
  metrics: Record<string, number>;
  timestamp: number | null;
}

/** Calls `onReport` with every report of a host; the function that is returned ends it. */
export function followHost(hostname: string, onReport: (report: HostReport) => void): () => void {
  return follow(`/api/v1/live?host=${encodeURIComponent(hostname)}`, "report", (data) => {
    const report: HostReport | undefined = JSON.parse(data)[hostname];
    if (report === undefined) return;
    const known = hosts.value?.get(hostname);
    if (known !== undefined && report.timestamp !== null) {
      hosts.value = new Map(hosts.value).set(hostname, { ...known, last_s: report.timestamp });
    }
    onReport(report);
  });
}
