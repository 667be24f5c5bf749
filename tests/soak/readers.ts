/** Who looks while reports come in: dashboards that ask, and pages that follow what happens. */
import { systemClock } from "../../clock.ts";
import type { Journal } from "./journal.ts";
import { hostName, METRICS } from "./senders.ts";

export interface ReadersOptions {
  url: string;
  hosts: number;
  /** Names and times of stored history, of `PAST_S` seconds up to `to_s`. */
  past: { hosts: readonly string[]; from_s: number; to_s: number };
  journal: Journal;
  signal: AbortSignal;
}

interface Question {
  /** Its name in the report. */
  kind: string;
  every_ms: number;
  path(i: number, now_s: number): string;
}

const metricName = (i: number) => `m_${String(1 + i * 7 % (METRICS - 2)).padStart(3, "0")}`;
/** How far back questions about the present go: the same at the start and at the end of a run. */
const WINDOW_S = 300;
const FOLLOWERS_ALL = 4;
const FOLLOWERS_ONE = 4;

function questions({ hosts, past }: ReadersOptions): Question[] {
  return [
    { kind: "latest", every_ms: 1_000, path: () => "/fetch/latest" },
    {
      kind: "history",
      every_ms: 100,
      path: (i, now_s) =>
        `/fetch/history/${hostName(i * 31 % hosts)}/${metricName(i)}` +
        `?start=${now_s - WINDOW_S}&end=${now_s}`,
    },
    {
      kind: "stored_history",
      every_ms: 250,
      path: (i) =>
        `/fetch/history/${past.hosts[i % past.hosts.length]}/${metricName(i)}` +
        `?start=${past.from_s}&end=${past.to_s}`,
    },
    {
      kind: "series",
      every_ms: 5_000,
      path: (i, now_s) =>
        `/api/v1/series?host=soak-*&metric=${metricName(i)}` +
        `&from=${now_s - WINDOW_S}&to=${now_s}&points=30&aggregate=avg`,
    },
    { kind: "hosts", every_ms: 5_000, path: () => "/api/v1/hosts" },
    { kind: "alerts", every_ms: 5_000, path: () => "/api/v1/alerts" },
    {
      kind: "incidents",
      every_ms: 5_000,
      path: (i) => `/api/v1/incidents?limit=20&state=${i % 2 === 0 ? "open" : "resolved"}`,
    },
  ];
}

async function ask({ kind, every_ms, path }: Question, options: ReadersOptions): Promise<void> {
  const { url, journal, signal } = options;
  for (let i = 0; !signal.aborted; i++) {
    const begun_ms = systemClock.monotonic();
    try {
      const response = await fetch(url + path(i, Math.floor(systemClock.now() / 1000)));
      const { byteLength } = await response.arrayBuffer();
      if (!response.ok || byteLength === 0) {
        // a host is not known before it has reported
        const isEarly = response.status === 404 && i * every_ms < 10_000;
        if (!isEarly) journal.fault(`${kind}: ${response.status}`);
      } else journal.took(kind, systemClock.monotonic() - begun_ms);
    } catch (error) {
      journal.fault(`${kind}: ${error instanceof Error ? error.message : error}`);
    }
    await systemClock.sleep(every_ms - (systemClock.monotonic() - begun_ms), signal);
  }
}

/** Follows a live stream; counts what comes. A stream that ends before the run does is a fault. */
async function follow(query: string, options: ReadersOptions): Promise<number> {
  const { url, journal, signal } = options;
  let events = 0;
  try {
    const response = await fetch(`${url}/api/v1/live${query}`);
    if (response.body === null || !response.ok) throw new Error(`answered ${response.status}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    // not fetch's own signal: after minutes it may have been collected, and aborts nothing any more
    const cancel = () => void reader.cancel();
    signal.addEventListener("abort", cancel);
    if (signal.aborted) cancel();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      events += value.split("event: ").length - 1;
    }
    if (!signal.aborted) throw new Error("ended");
  } catch (error) {
    if (!signal.aborted) journal.fault(`live: ${error instanceof Error ? error.message : error}`);
  }
  return events;
}

/** Asks and follows until the signal; resolves to the number of events that came. */
export async function runReaders(options: ReadersOptions): Promise<{ live_events: number }> {
  const asking = questions(options).map((question) => ask(question, options));
  const following = [
    ...Array.from({ length: FOLLOWERS_ALL }, () => follow("", options)),
    ...Array.from(
      { length: FOLLOWERS_ONE },
      (_, i) => follow(`?host=${options.past.hosts[i % options.past.hosts.length]}`, options),
    ),
  ];
  await Promise.all(asking);
  const events = await Promise.all(following);
  return { live_events: events.reduce((sum, count) => sum + count, 0) };
}
