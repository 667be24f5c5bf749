/**
 * The server is away for 30 minutes, in which the agent is killed 20 times by SIGKILL. Afterwards every
 * report that was collected is stored exactly once, with the values and times it had, and the
 * agent's own metrics say so. The agent is a process with a clock that the test moves; server,
 * PostgreSQL, spool and kills are real.
 *
 * What was collected is read from the spool itself after each kill, by the reader of its format: the
 * agent's counters are not asked.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { AgentTotals } from "../../agent/agent.ts";
import { readSegment } from "../../agent/spool/record.ts";
import { freePort } from "../support/free_port.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { type TestApp, testApp } from "../support/test_app.ts";

const TICK_MS = 10_000;
/** An hour ago, at a tick: the server takes nothing that is too old. */
const START_MS = Math.floor(Date.now() / TICK_MS) * TICK_MS - 3_600_000;
const AWAY_TICKS = 30 * 60_000 / TICK_MS;
const KILLS = 20;
const CHILD = new URL("agent_child.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** The agent's process. */
class AgentChild {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;

  constructor(options: { spool: string; server: string; now_ms: number }) {
    const { spool, server, now_ms } = options;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--v8-flags=--single-threaded-gc", "--config", CONFIG]
        .concat([CHILD, spool, server, String(now_ms)]),
      env: { NO_PROXY: "*" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  async told(): Promise<AgentTotals> {
    const { value } = await this.#lines.next();
    assert.ok(value !== undefined, "the agent ended by itself");
    return JSON.parse(value);
  }

  async advance(ms: number): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${ms}\n`));
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await Promise.allSettled([this.#writer.close(), this.#lines.return(undefined)]);
    const { signal } = await this.#child.status;
    assert.equal(signal, "SIGKILL");
  }

  /** Ends it as Ctrl-C does. */
  async stop(): Promise<AgentTotals> {
    await this.#writer.close();
    const totals = await this.told();
    await this.#lines.return(undefined);
    assert.equal((await this.#child.status).code, 0);
    return totals;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

interface ReportBody {
  timestamp: number;
  metrics: Record<string, number>;
}

/** Everything that is in the spool, by its number. */
async function readSpool(dir: string, found: Map<number, ReportBody>): Promise<void> {
  for await (const { name } of Deno.readDir(dir)) {
    if (!name.endsWith(".spool")) continue;
    // a living agent removes what is settled; that was read after an earlier kill
    const bytes = await Deno.readFile(join(dir, name)).catch(() => new Uint8Array());
    for (const report of readSegment(bytes).reports) {
      found.set(report.seq, JSON.parse(report.text()));
    }
  }
}

/** In front of the server: a port that is closed until it is opened, and notes what comes. */
class Door implements AsyncDisposable {
  /** The keys of each request's reports. */
  readonly requests: string[][] = [];
  readonly #port = freePort();
  readonly #app: TestApp;
  #server: Deno.HttpServer | undefined;
  /** Called when the server has answered, before the agent is. */
  onAnswered: (() => Promise<void>) | undefined;

  constructor(app: TestApp) {
    this.#app = app;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  open(): void {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: this.#port, onListen() {} },
      async (request) => {
        const body = await request.text();
        const parsed = JSON.parse(body);
        const reports: ReportBody[] = Array.isArray(parsed) ? parsed : [parsed];
        this.requests.push(reports.map(keyOf));
        const answer = await fetch(`${this.#app.url}/metrics`, { method: "POST", body });
        const text = await answer.text();
        await this.onAnswered?.();
        return new Response(text, { status: answer.status });
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.shutdown();
  }
}

/** Numbers from 0 to 1, the same at every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff;
}

/** 30 minutes without a server; returns the time at their end. */
async function away(
  options: { dir: string; url: string; collected: Map<number, ReportBody> },
): Promise<number> {
  const { dir, url: server, collected } = options;
  const random = sequence(20_250_115);
  const kill_after = AWAY_TICKS / KILLS;
  let now_ms = START_MS;
  for (let kill = 0; kill < KILLS; kill++) {
    const agent = new AgentChild({ spool: dir, server, now_ms });
    let { collected: claimed } = await agent.told();
    for (let tick = 1; tick < kill_after; tick++) {
      await agent.advance(TICK_MS);
      claimed = (await agent.told()).collected;
    }
    await agent.advance(TICK_MS);
    // at any moment of what a tick does
    const until_ms = performance.now() + random() * 12;
    while (performance.now() < until_ms) await Promise.resolve();
    await agent.kill();
    await readSpool(dir, collected);
    // a report that was being written may be cut off, nothing before it
    assert.ok(Math.max(...collected.keys()) >= claimed, `${claimed} collected, then lost`);
    // a moment passes until it is started again
    now_ms += kill_after * TICK_MS + 1_000;
  }
  return now_ms;
}

interface StoredRow {
  at: Date;
  names: string[];
  vals: number[];
}

/** All that the server has, as `time names` → values. */
async function readStored(app: TestApp): Promise<Map<string, Record<string, number>>> {
  const rows = await app.database.sql<StoredRow[]>`
    select r.at, r.vals, (
      select array_agg(m.name order by ids.position)
      from unnest(s.metric_ids) with ordinality as ids (id, position)
      join metric m on m.id = ids.id
    ) as names
    from report r
    join shape s on s.id = r.shape_id`;
  const found = new Map<string, Record<string, number>>();
  for (const { at, names, vals } of rows) {
    const metrics = Object.fromEntries(names.map((name, index) => [name, vals[index] ?? NaN]));
    found.set(keyOf({ timestamp: at.getTime() / 1_000, metrics }), metrics);
  }
  assert.equal(found.size, rows.length);
  return found;
}

function keyOf({ timestamp, metrics }: ReportBody): string {
  return `${timestamp} ${Object.keys(metrics).sort().join()}`;
}

/** The server is there again; the agent is killed three times before it has heard the answer. */
async function back(
  options: { dir: string; door: Door; collected: Map<number, ReportBody>; now_ms: number },
): Promise<AgentTotals> {
  const { dir, door, collected } = options;
  let { now_ms } = options;
  door.open();
  for (let kill = 0; kill < 3; kill++) {
    const answered = Promise.withResolvers<void>();
    const never = Promise.withResolvers<void>();
    door.onAnswered = () => {
      answered.resolve();
      return never.promise;
    };
    const agent = new AgentChild({ spool: dir, server: door.url, now_ms });
    await answered.promise;
    await agent.kill();
    await readSpool(dir, collected);
    never.resolve();
    now_ms += 1_000;
  }
  door.onAnswered = undefined;
  const agent = new AgentChild({ spool: dir, server: door.url, now_ms });
  await agent.told();
  // twice, so that what it says about itself is stored too
  for (let tick = 0; tick < 2; tick++) {
    await agent.advance(TICK_MS);
    while ((await agent.told()).waiting > 0) await agent.advance(0);
    await readSpool(dir, collected);
  }
  const last = await agent.stop();
  await readSpool(dir, collected);
  return last;
}

/** At each of its times the agent's own metrics add up, and none of its counters goes back. */
function checkOwnMetrics(reports: readonly ReportBody[]): void {
  let before = [0, 0, 0];
  for (const { metrics, timestamp } of reports) {
    const value = (name: string) => metrics[`monitor_agent_reports_${name}`] ?? NaN;
    if (Number.isNaN(value("waiting"))) continue;
    const [collected, sent, dropped] = ["collected", "sent", "dropped"].map((name) =>
      value(`${name}_total`)
    );
    assert.equal(collected, (sent ?? NaN) + value("waiting") + (dropped ?? NaN), `${timestamp}`);
    const answered = value("stored_total") + value("duplicate_total") + value("refused_total");
    assert.equal(sent, answered, `${timestamp}`);
    assert.equal(dropped, 0);
    const now = [collected ?? NaN, sent ?? NaN, answered];
    assert.ok(now.every((count, at) => count >= (before[at] ?? 0)), `${now} after ${before}`);
    before = now;
  }
  assert.ok((before[1] ?? 0) > AWAY_TICKS, `${before[1]} were sent`);
}

Deno.test("30 minutes without a server and 20 kill -9: every report is stored exactly once", async () => {
  await using dir: TempDir = await tempDir();
  await using app = await testApp();
  await using door = new Door(app);
  const spool = dir.join("spool");
  const collected = new Map<number, ReportBody>();
  const now_ms = await away({ dir: spool, url: door.url, collected });
  assert.ok(collected.size >= AWAY_TICKS, `only ${collected.size} reports were collected`);
  const totals = await back({ dir: spool, door, collected, now_ms });

  const stored = await readStored(app);
  assert.equal(stored.size, collected.size);
  for (const report of collected.values()) {
    assert.deepEqual(stored.get(keyOf(report)), report.metrics, keyOf(report));
  }
  assert.deepEqual([...collected.keys()].sort((a, b) => a - b), [
    ...Array.from({ length: collected.size }, (_, at) => at + 1),
  ]);
  const in_order = [...collected].sort(([a], [b]) => a - b).map(([, report]) => report);
  checkOwnMetrics(in_order);
  // in the order of the spool: a collector that was late at its tick stands behind the next tick
  const numbers = new Map([...collected].map(([seq, report]) => [keyOf(report), seq]));
  for (const request of door.requests) {
    const sent = request.map((key) => numbers.get(key) ?? NaN);
    assert.deepEqual(sent, sent.toSorted((a, b) => a - b));
  }

  const { stored: first, duplicate, refused, waiting, dropped } = totals;
  assert.deepEqual({ refused, waiting, dropped }, {
    ...{ refused: 0, waiting: 0 },
    dropped: { full: 0, age: 0, damaged: 0 },
  });
  assert.equal(first + duplicate, collected.size);
  assert.equal(totals.collected, collected.size);
  assert.ok(duplicate > 0, "nothing was sent twice: the kills came too late");
});
