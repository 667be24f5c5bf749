/** A real server on the loopback; time stands still until the test moves it. */
import assert from "node:assert/strict";
import { HostFacts, type HostFactsOptions } from "../../agent/facts.ts";
import type { Outbox, OutboxBatch } from "../../agent/outbox.ts";
import { reportText } from "../../agent/report_text.ts";
import { bearer } from "../../agent/credential.ts";
import { Sender } from "../../agent/sender.ts";
import type { Spool } from "../../agent/spool.ts";
import { freePort } from "../support/free_port.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";
import { openSpool } from "./spool_folder.ts";

interface Seen {
  headers: Headers;
  /** Reports of the request, in order. */
  reports: Record<string, unknown>[];
  body: string;
}
type Answer = (seen: Seen, request: number) => Response | Promise<Response>;

/** Lets a test wait until so many batches have been answered, well or not. */
class WatchedOutbox implements Outbox {
  readonly #spool: Spool;
  #settled = 0;
  #waiting: { count: number; resolve: () => void }[] = [];

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  append(...args: Parameters<Outbox["append"]>): Promise<void> {
    return this.#spool.append(...args);
  }
  peek(...args: Parameters<Outbox["peek"]>): Promise<OutboxBatch | undefined> {
    return this.#spool.peek(...args);
  }
  status() {
    return this.#spool.status();
  }
  async settle(...args: Parameters<Outbox["settle"]>): Promise<void> {
    await this.#spool.settle(...args);
    this.#count();
  }
  release(batch: OutboxBatch): void {
    this.#spool.release(batch);
    this.#count();
  }
  settled(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve });
      this.#check();
    });
  }
  #count(): void {
    this.#settled += 1;
    this.#check();
  }
  #check(): void {
    for (const { count, resolve } of this.#waiting) if (this.#settled >= count) resolve();
  }
}

const takesAll: Answer = ({ reports }) =>
  Response.json({ status: "received", stored: reports.length, duplicate: 0 });

interface SetupOptions {
  answer?: Answer;
  url?: string;
  token?: string;
  host?: HostFactsOptions;
  spread_ms?: number;
  compress?: boolean;
}

class Setup implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly events = new EventLog();
  readonly outbox: WatchedOutbox;
  readonly seen: Seen[] = [];
  readonly facts: HostFacts;
  readonly sender: Sender;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  private constructor(spool: Spool, options: SetupOptions) {
    const { answer = takesAll, token, spread_ms, compress } = options;
    this.outbox = new WatchedOutbox(spool);
    this.facts = new HostFacts(options.host ?? { tags: {} });
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        const body = await request.text();
        const parsed = JSON.parse(body);
        const seen = {
          headers: request.headers,
          body,
          reports: Array.isArray(parsed) ? parsed : [parsed],
        };
        return await answer(seen, this.seen.push(seen));
      },
    );
    this.sender = new Sender({
      server: options.url ?? `http://127.0.0.1:${this.#server.addr.port}`,
      credential: bearer(token),
      request_timeout_ms: 10_000,
      spread_ms,
      compress,
      outbox: this.outbox,
      facts: this.facts,
      clock: this.clock,
      log: this.events.log,
      random: () => 0.5,
    });
  }

  static async start(options: SetupOptions = {}): Promise<Setup> {
    return new Setup(await openSpool(undefined), options);
  }

  /** Puts reports with these values, one a second, into the outbox. */
  async put(...values: number[]): Promise<void> {
    for (const value of values) {
      const at_ms = Date.UTC(2025, 0, 15) + value * 1_000;
      const text = reportText({ hostname: "a", at_ms, series: new Map([["cpu", value]]) });
      await this.outbox.append({ at_ms, text, samples: 1 });
    }
    this.sender.wake();
  }

  /** Waits until so many requests have ended, and what follows from it is done. */
  async settled(count: number): Promise<void> {
    this.#running ??= this.sender.run(this.#stop.signal);
    await this.outbox.settled(count);
    await this.clock.advance(0);
  }

  /** Values in the order they arrived, one list for each request. */
  values(): unknown[] {
    return this.seen.map(({ reports }) =>
      reports.map(({ metrics }) => (metrics as Record<string, number>).cpu)
    );
  }

  async stop(): Promise<void> {
    this.sender.drain();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.stop();
    await this.#server.shutdown();
  }
}

Deno.test("Sender posts a report as an object with hostname first, and several as an array", async () => {
  await using box = await Setup.start({ token: "s3cret" });
  await box.put(1);
  await box.settled(1);
  await box.put(2, 3);
  await box.settled(2);
  assert.equal(box.seen[0]?.body, '{"hostname":"a","timestamp":1736899201,"metrics":{"cpu":1}}');
  assert.deepEqual(box.values(), [[1], [2, 3]]);
  assert.equal(box.seen[0]?.headers.get("authorization"), "Bearer s3cret");
  assert.equal(box.seen[0]?.headers.get("content-type"), "application/json");
  assert.equal(box.outbox.status().stored, 3);
  assert.equal(box.outbox.status().waiting, 0);
});

Deno.test("Sender tells facts with the first report, when they are new, and every hour", async () => {
  await using box = await Setup.start({ host: { alias: "Web", tags: { role: "web" } } });
  const meta = { unit: "%", kind: "gauge" as const };
  box.facts.note("cpu", () => meta);
  await box.put(1, 2);
  await box.settled(1);
  const [first, second] = box.seen[0]?.reports ?? [];
  assert.deepEqual(Object.keys(first ?? {}), ["hostname", "timestamp", "metrics"]);
  assert.deepEqual(second?.additional_data, { alias: "Web" });
  assert.deepEqual(second?.tags, { role: "web" });
  assert.deepEqual(second?.metadata, { cpu: meta });

  await box.put(3);
  await box.settled(2);
  assert.deepEqual(Object.keys(box.seen[1]?.reports[0] ?? {}), [
    "hostname",
    "timestamp",
    "metrics",
  ]);

  box.facts.note("disk", () => meta);
  await box.put(4);
  await box.settled(3);
  assert.deepEqual(box.seen[2]?.reports[0]?.metadata, { disk: meta });
  assert.equal(box.seen[2]?.reports[0]?.tags, undefined);

  await box.clock.advance(3_600_000);
  await box.put(5);
  await box.settled(4);
  assert.deepEqual(box.seen[3]?.reports[0]?.metadata, { cpu: meta, disk: meta });
});

Deno.test("Sender tells facts again when the request with them failed", async () => {
  const answer: Answer = (seen, request) =>
    request === 1 ? new Response("", { status: 500 }) : takesAll(seen, request);
  await using box = await Setup.start({ host: { alias: "Web", tags: {} }, answer });
  await box.put(1);
  await box.settled(1);
  await box.clock.advance(500);
  await box.settled(2);
  assert.deepEqual(box.seen.map(({ reports }) => reports[0]?.additional_data), [
    { alias: "Web" },
    { alias: "Web" },
  ]);
});

Deno.test("Sender keeps reports on 503, waits as long as it was told, and sends them once", async () => {
  const answer: Answer = (seen, request) =>
    request < 3
      ? Response.json({ error: "queue is full" }, { status: 503, headers: { "retry-after": "7" } })
      : takesAll(seen, request);
  await using box = await Setup.start({ answer });
  await box.put(1);
  await box.settled(1);
  // 7 s asked for, and half of 1 s of jitter
  await box.clock.advance(7_499);
  assert.equal(box.seen.length, 1);
  await box.clock.advance(1);
  await box.settled(2);
  await box.put(2);
  await box.clock.advance(7_999);
  assert.equal(box.seen.length, 2, "a new report does not end the wait");
  await box.clock.advance(1);
  await box.settled(3);
  assert.deepEqual(box.values(), [[1], [1], [1, 2]]);
  const { stored, refused } = box.outbox.status();
  const { requests_failed } = box.sender.status();
  assert.deepEqual({ stored, refused, requests_failed }, {
    stored: 2,
    refused: 0,
    requests_failed: 2,
  });
  const events = box.events.events.filter(({ level }) => level !== "debug");
  assert.deepEqual(events.map(({ msg }) => msg), [
    "Cannot send reports; they are kept and sent again",
    "Server takes reports again",
  ]);
  assert.equal(events[0]?.reason, "503 queue is full");
});

Deno.test("Sender reads 207: what is refused is dropped with its reason, the rest is done", async () => {
  const answer: Answer = () =>
    Response.json({
      status: "received",
      stored: 1,
      duplicate: 1,
      refused: [{ index: 1, path: "[1].metrics.cpu", message: "must be a finite number" }],
    }, { status: 207 });
  await using box = await Setup.start({ answer });
  await box.put(1, 2, 3);
  await box.settled(1);
  const { stored, duplicate, refused, samples } = box.outbox.status();
  assert.deepEqual([stored, duplicate, refused, samples], [1, 1, 1, 2]);
  assert.equal(box.sender.status().requests_failed, 0);
  assert.equal(box.outbox.status().waiting, 0);
  const [event] = box.events.events.filter(({ level }) => level === "warn");
  assert.equal(event?.reasons, "[1].metrics.cpu must be a finite number");
});

Deno.test("Sender sends the reports of a refused batch one by one", async () => {
  const answer: Answer = (seen, request) => {
    const bad = seen.reports.some(({ metrics }) => (metrics as Record<string, number>).cpu === 2);
    return bad
      ? Response.json({ error: "no 2, please" }, { status: 400 })
      : takesAll(seen, request);
  };
  await using box = await Setup.start({ answer });
  await box.put(1, 2, 3);
  await box.settled(4);
  await box.put(4, 5);
  await box.settled(5);
  assert.deepEqual(box.values(), [[1, 2, 3], [1], [2], [3], [4, 5]]);
  const { stored, refused } = box.outbox.status();
  assert.deepEqual({ stored, refused }, { stored: 4, refused: 1 });
});

const HINTS: [status: number, hint: RegExp][] = [
  [401, /Give the agent a token/],
  [403, /check its rights/],
  [404, /Check the server's URL/],
  [302, /where it redirects: http:\/\/else\.example\/metrics/],
];
for (const [status, hint] of HINTS) {
  Deno.test(`Sender keeps reports on ${status}, and says what to do`, async () => {
    const headers = { location: "http://else.example/metrics" };
    await using box = await Setup.start({ answer: () => new Response("", { status, headers }) });
    await box.put(1);
    await box.settled(1);
    assert.equal(box.outbox.status().waiting, 1);
    const [event] = box.events.events.filter(({ level }) => level === "warn");
    assert.match(String(event?.hint), hint);
  });
}

Deno.test("Sender does not take a 200 of some other server for an answer", async () => {
  const page = () => new Response("<html>Sign in", { headers: { "content-type": "text/html" } });
  await using box = await Setup.start({ answer: page });
  await box.put(1);
  await box.settled(1);
  assert.equal(box.outbox.status().waiting, 1);
  assert.equal(box.sender.status().requests_failed, 1);
});

Deno.test("Sender tries a refused connection again, later and later", async () => {
  await using box = await Setup.start({ url: `http://127.0.0.1:${freePort()}` });
  await box.put(1);
  const waits: number[] = [];
  for (let request = 1; request <= 8; request++) {
    await box.settled(request);
    const failures = box.events.events.filter(({ msg }) => msg.startsWith("Cannot send"));
    waits.push(Number(failures.at(-1)?.next_try_ms));
    await box.clock.advance(waits.at(-1) ?? 0);
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assert.deepEqual(box.events.messages("warn").length, 1, "the same trouble is told once");
  assert.match(String(box.events.events[0]?.reason), /[Cc]onnection refused|actively refused/);
});

Deno.test("Sender gives up a request that is not answered in time", async () => {
  const never = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  const answer: Answer = (seen, request) => {
    if (request > 1) return takesAll(seen, request);
    asked.resolve();
    return never.promise;
  };
  await using box = await Setup.start({ answer });
  await box.put(1);
  const settled = box.settled(1);
  await asked.promise;
  await box.clock.advance(10_000);
  await settled;
  const [event] = box.events.events.filter(({ level }) => level === "warn");
  assert.equal(event?.reason, "no answer within 10 s");
  await box.clock.advance(500);
  await box.settled(2);
  assert.equal(box.outbox.status().stored, 1);
  never.resolve(new Response());
});

Deno.test("Sender.drain() sends what is waiting, without waits, and ends", async () => {
  const answer: Answer = (seen, request) =>
    request === 1 ? new Response("", { status: 503 }) : takesAll(seen, request);
  await using box = await Setup.start({ answer });
  await box.put(1);
  await box.settled(1);
  await box.put(2);
  await box.stop();
  assert.deepEqual(box.values(), [[1], [1, 2]]);
  assert.equal(box.clock.sleeping, 0);
});

Deno.test("Sender ends in the middle of a request when it is told to, and keeps the report", async () => {
  const never = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  const box = await Setup.start({
    answer: () => {
      asked.resolve();
      return never.promise;
    },
  });
  await box.put(1);
  const settled = box.settled(1);
  await asked.promise;
  const disposed = box[Symbol.asyncDispose]();
  await settled;
  never.resolve(new Response());
  await disposed;
  assert.equal(box.outbox.status().waiting, 1);
  assert.deepEqual(box.events.messages("warn"), []);
});
