/** The last hour of a host's CPU as a line without axes. Read for many hosts at once. */
import { signal } from "@preact/signals";
import { pathWith, request, type SeriesAnswer } from "./api.ts";

const METRIC = "cpu_usage";
const POINTS = 60;
const FRESH_MS = 60_000;
/** The server takes so many names in a question. */
const HOSTS_AT_ONCE = 100;

interface Line {
  path: string;
  read_ms: number;
}

const lines = signal<ReadonlyMap<string, Line>>(new Map());
let wanted: readonly string[] = [];
let reading = false;

/** Reads what is missing or old of these hosts; what is no longer wanted is not read again. */
export function wantSparklines(hostnames: readonly string[]): () => void {
  wanted = hostnames;
  void readWanted();
  const timer = setInterval(() => void readWanted(), FRESH_MS / 4);
  return () => clearInterval(timer);
}

async function readWanted(): Promise<void> {
  if (reading) return;
  reading = true;
  try {
    for (;;) {
      const now_ms = performance.now();
      const missing = wanted.filter((name) => {
        const line = lines.value.get(name);
        return line === undefined || now_ms - line.read_ms > FRESH_MS;
      }).slice(0, HOSTS_AT_ONCE);
      if (missing.length === 0) return;
      await read(missing, now_ms);
    }
  } catch {
    // the overview says that the server does not answer; the next round tries again
  } finally {
    reading = false;
  }
}

async function read(hostnames: readonly string[], now_ms: number): Promise<void> {
  const answer = await request<SeriesAnswer>(
    pathWith("/api/v1/series", { metric: METRIC, host: hostnames, from: "now-1h", points: POINTS }),
  ).catch(() => undefined);
  const next = new Map(lines.value);
  for (const name of hostnames) {
    // what is known stays where nothing was answered; that is asked for in its turn again
    const path = answer === undefined ? lines.value.get(name)?.path ?? "" : "";
    next.set(name, { path, read_ms: now_ms });
  }
  for (const { host = "", t, avg = [] } of answer?.series ?? []) {
    next.set(host, { path: answer ? linePath(t, avg, answer) : "", read_ms: now_ms });
  }
  lines.value = next;
}

/** In a box of 100 by 100, with a gap where a step is missing. */
function linePath(t: number[], values: number[], { from, to, step_s }: SeriesAnswer): string {
  return t.map((at_s, i) => {
    const x = (at_s - from) / (to - from) * 100;
    const y = 98 - Math.min(100, Math.max(0, values[i] ?? 0)) * 0.96;
    const is_start = i === 0 || at_s - (t[i - 1] ?? 0) > step_s * 1.5;
    return `${is_start ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }).join("");
}

export function Sparkline({ hostname }: { hostname: string }) {
  const path = lines.value.get(hostname)?.path;
  return (
    <svg class="spark" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
      {path !== undefined && path !== "" && <path d={path} />}
    </svg>
  );
}
