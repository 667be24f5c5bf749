/**
 * `deno task bench page`: how fast the page is in a real browser.
 *
 *   overview   1,000 hosts: time from the request to the first rows with numbers; frames while it is
 *              scrolled and 100 hosts report each second; what the browser holds before and after
 *   left open  with --minutes=60, instead of these: what the browser holds meanwhile
 *   host       60 charts of 500 points, all in sight: time from the answer to the last chart drawn
 */
import type { CDPSession, Page } from "playwright-core";
import { systemClock } from "../../clock.ts";
import { buildWeb } from "../../tools/web.ts";
import { type TestBrowser, testBrowser } from "../support/browser.ts";
import { type TestApp, testApp } from "../support/test_app.ts";

const HOSTS = 1_000;
/** Of each report; those that the overview shows are among them. */
const METRICS = 20;
const HOSTS_A_SECOND = 100;
/** Between two looks at a page that is left open. */
const LOOK_MINUTES = 5;
const SCROLL_S = 8;
const LIVE_S = 40;
const CHARTS = 60;
const POINTS = 500;
const HISTORY_S = 3_600;
const LOADS = 5;
/** At 60 frames a second. */
const FRAME_MS = 1_000 / 60;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function hostReport(host: number, at_s: number) {
  const cpu = 20 + (host * 7 + at_s) % 60;
  const metrics: Record<string, number> = {
    cpu_usage: cpu,
    memory_usage: 30 + host % 50,
    "disk.root.used_percent": host % 97,
    "network.eth0.rx_bytes_total": at_s * 1_000 % 1e12,
    "network.eth0.tx_bytes_total": at_s * 700 % 1e12,
  };
  for (let i = 5; i < METRICS; i++) metrics[`metric_${i}`] = cpu * i;
  const tags = { role: ["web", "db", "cache"][host % 3] ?? "", rack: `r${host % 40}` };
  return { hostname: `host-${host}`, timestamp: at_s, metrics, tags };
}

async function fillOverview(app: TestApp): Promise<void> {
  const now_s = Math.floor(systemClock.now() / 1000);
  for (let minute = 30; minute >= 0; minute -= 3) {
    for (let first = 0; first < HOSTS; first += 250) {
      const batch = Array.from(
        { length: 250 },
        (_, i) => hostReport(first + i, now_s - minute * 60),
      );
      const { status, body } = await app.post(batch);
      if (status !== 200) throw new Error(JSON.stringify(body));
    }
  }
}

async function fillHost(app: TestApp): Promise<void> {
  const now_s = Math.floor(systemClock.now() / 1000);
  const step_s = HISTORY_S / POINTS;
  for (let i = 0; i < POINTS; i += 100) {
    const batch = Array.from({ length: 100 }, (_, j) => ({
      hostname: "charts",
      timestamp: now_s - HISTORY_S + (i + j) * step_s,
      metrics: Object.fromEntries(
        Array.from({ length: CHARTS }, (_, k) => [
          `chart_${k}`,
          50 + 40 * Math.sin((i + j) / (5 + k)) + (i * j * k) % 7,
        ]),
      ),
    }));
    const { status, body } = await app.post(batch);
    if (status !== 200) throw new Error(JSON.stringify(body));
  }
}

function middle(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0);
}

/** Notes when `count` elements of a selector are there and have been painted. */
async function watchFor(page: Page, selector: string, count: number): Promise<void> {
  await page.addInitScript(`window.painted_ms = new Promise((resolve) => {
    const look = () => {
      if (document.querySelectorAll(${JSON.stringify(selector)}).length < ${count}) {
        return requestAnimationFrame(look);
      }
      // the frame after it was painted
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    };
    requestAnimationFrame(look);
  })`);
}

async function paintedMs(page: Page): Promise<number> {
  return Number(await page.evaluate("window.painted_ms"));
}

/** Milliseconds that the page's thread has spent on something. */
async function spentMs(session: CDPSession, what: "ScriptDuration"): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return (metrics.find(({ name }) => name === what)?.value ?? 0) * 1_000;
}

/** Of the page's JavaScript, after what is no longer needed was thrown away. */
async function heapBytes(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? 0;
}

function mib(bytes: number): number {
  return Number((bytes / 2 ** 20).toPrecision(3));
}

/** Lengths of frames while the page is scrolled down and up. */
const SCROLL = `new Promise((resolve) => {
  const frames = [];
  const begun = performance.now();
  let before = begun;
  let step = 30;
  const next = (now) => {
    frames.push(now - before);
    before = now;
    if (scrollY + innerHeight >= document.documentElement.scrollHeight - 2) step = -30;
    if (scrollY === 0) step = 30;
    scrollBy(0, step);
    if (now - begun < ${SCROLL_S * 1_000}) requestAnimationFrame(next);
    else resolve(frames.slice(1));
  };
  requestAnimationFrame(next);
})`;

interface Frames {
  per_s: number;
  p95_ms: number;
  /** Longer than two frames. */
  late_percent: number;
}

function framesOf(lengths: readonly number[]): Frames {
  const sorted = lengths.toSorted((a, b) => a - b);
  const late = lengths.filter((ms) => ms > FRAME_MS * 2.1).length;
  return {
    per_s: Math.round(lengths.length / SCROLL_S),
    p95_ms: Math.round(sorted[Math.floor(sorted.length * 0.95)] ?? 0),
    late_percent: Number((late / lengths.length * 100).toPrecision(2)),
  };
}

/** The overview with rows in it, and a way to ask what it costs. */
async function openOverview(
  browser: TestBrowser,
  app: TestApp,
): Promise<{ page: Page; session: CDPSession }> {
  const page = await browser.page();
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await page.goto(app.url);
  await page.waitForSelector(".row >> nth=10");
  return { page, session };
}

async function overview(app: TestApp): Promise<Record<string, unknown>> {
  await using browser = await testBrowser();
  const loads: number[] = [];
  for (let i = 0; i < LOADS; i++) {
    const page = await browser.page();
    await watchFor(page, ".row .number", 20);
    await page.goto(app.url);
    loads.push(await paintedMs(page));
    await page.close();
  }
  const { page, session } = await openOverview(browser, app);
  const stop = new AbortController();
  const reporting = report(app, stop.signal);
  try {
    const frames = framesOf(await page.evaluate(SCROLL) as number[]); // as SCROLL resolves it
    const before_bytes = await heapBytes(session);
    await page.waitForTimeout(LIVE_S * 1_000);
    const after_bytes = await heapBytes(session);
    return {
      first_rows_ms: middle(loads),
      frames,
      heap_mib: mib(after_bytes),
      heap_growth_kib_per_min: Math.round((after_bytes - before_bytes) / 1024 / LIVE_S * 60),
    };
  } finally {
    stop.abort();
    await reporting;
  }
}

/** Each host every ten seconds. */
async function report(app: TestApp, signal: AbortSignal): Promise<void> {
  for (let tick = 0; !signal.aborted; tick++) {
    const now_s = Math.floor(systemClock.now() / 1000);
    const first = tick * HOSTS_A_SECOND % HOSTS;
    await app.post(
      Array.from({ length: HOSTS_A_SECOND }, (_, i) => hostReport(first + i, now_s)),
    );
    await systemClock.sleep(1_000, signal);
  }
}

async function host(app: TestApp): Promise<Record<string, unknown>> {
  await using browser = await testBrowser();
  const draws: number[] = [];
  const loads: number[] = [];
  const scripts: number[] = [];
  for (let i = 0; i < LOADS; i++) {
    const page = await browser.page({ width: 1600, height: 8_000 });
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    await watchFor(page, ".chart canvas", CHARTS);
    await page.goto(`${app.url}/hosts/charts`);
    const painted_ms = await paintedMs(page);
    const answered_ms = Number(
      await page.evaluate(
        `performance.getEntriesByType("resource").find(({ name }) => name.includes("/api/v1/series")).responseEnd`,
      ),
    );
    loads.push(painted_ms);
    draws.push(painted_ms - answered_ms);
    scripts.push(await spentMs(session, "ScriptDuration"));
    await page.close();
  }
  return {
    charts: CHARTS,
    points: POINTS,
    draw_ms: middle(draws),
    from_request_ms: middle(loads),
    script_ms: middle(scripts),
  };
}

/** What the browser holds of the overview while it is left open. */
async function leftOpen(app: TestApp, minutes: number): Promise<Record<string, unknown>> {
  await using browser = await testBrowser();
  const { page, session } = await openOverview(browser, app);
  const stop = new AbortController();
  const reporting = report(app, stop.signal);
  const held: Record<string, number>[] = [];
  try {
    for (let minute = 0; minute <= minutes; minute += LOOK_MINUTES) {
      if (minute > 0) await page.waitForTimeout(LOOK_MINUTES * 60_000);
      const heap_mib = mib(await heapBytes(session));
      held.push({ minute, heap_mib, process_mib: mib(await browser.pageBytes()) });
      say(JSON.stringify(held.at(-1)));
    }
  } finally {
    stop.abort();
    await reporting;
  }
  return { hosts: HOSTS, hosts_a_second: HOSTS_A_SECOND, minutes, held };
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  await buildWeb();
  await using app = await testApp();
  say(`filling ${HOSTS} hosts`);
  await fillOverview(app);
  const minutes = Number(/--minutes=(\d+)/.exec(args.join(" "))?.[1] ?? 0);
  if (minutes > 0) return await leftOpen(app, minutes);
  say("overview");
  const seen = await overview(app);
  await fillHost(app);
  say("host");
  return { hosts: HOSTS, overview: seen, host: await host(app) };
}
