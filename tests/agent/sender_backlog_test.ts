/** A backlog, a slow line, many agents at once: on a real server, with a clock that the test moves. */
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { HostFacts } from "../../agent/facts.ts";
import { Sender, type SenderOptions } from "../../agent/sender.ts";
import type { Spool } from "../../agent/spool.ts";
import { silentLogger } from "../../log.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { openSpool } from "./spool_folder.ts";

interface Seen {
  values: number[];
  bytes: number;
  encoding: string | null;
}

class Setup implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly seen: Seen[] = [];
  readonly spool: Spool;
  readonly sender: Sender;
  /** Before each answer. */
  onRequest: (seen: Seen) => Promise<void> | void = () => {};
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stop = new AbortController();
  /** Resolves when the test is over. */
  readonly ended = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;

  private constructor(spool: Spool, options: Partial<SenderOptions>) {
    this.spool = spool;
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) => this.#answer(request),
    );
    this.sender = new Sender({
      server: `http://127.0.0.1:${this.#server.addr.port}`,
      request_timeout_ms: 10_000,
      outbox: spool,
      facts: new HostFacts({ tags: {} }),
      clock: this.clock,
      log: silentLogger,
      random: () => 0.5,
      ...options,
    });
  }

  static async start(options: Partial<SenderOptions> = {}): Promise<Setup> {
    return new Setup(await openSpool(undefined), options);
  }

  async put(from: number, through: number, padding = 0): Promise<void> {
    for (let value = from; value <= through; value++) {
      const text = `{"value":${value},"x":"${"x".repeat(padding)}"}`;
      await this.spool.append({ at_ms: this.clock.now(), text, samples: 1 });
    }
    this.sender.wake();
  }

  run(): void {
    this.#running ??= this.sender.run(this.#stop.signal);
  }

  /** Goes on until so many requests have come. */
  async requests(count: number, step_ms = 0): Promise<void> {
    this.run();
    while (this.seen.length < count) await this.clock.advance(step_ms);
  }

  async empty(): Promise<void> {
    this.run();
    while (this.spool.status().waiting > 0) await this.clock.advance(0);
  }

  async #answer(request: Request): Promise<Response> {
    const raw = new Uint8Array(await request.arrayBuffer());
    const encoding = request.headers.get("content-encoding");
    const text = new TextDecoder().decode(encoding === "gzip" ? gunzipSync(raw) : raw);
    const parsed: { value: number } | { value: number }[] = JSON.parse(text);
    const values = [parsed].flat().map(({ value }) => value);
    const seen = { values, bytes: raw.length, encoding };
    this.seen.push(seen);
    await this.onRequest(seen);
    return Response.json({ status: "received", stored: values.length, duplicate: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.sender.drain();
    await this.#running;
    this.ended.resolve();
    await this.#server.shutdown();
  }
}

Deno.test("Sender: with a backlog the newest go first, and again whenever there are newer", async () => {
  await using box = await Setup.start();
  const more = Promise.withResolvers<void>();
  box.onRequest = () => box.seen.length === 2 ? more.promise : undefined;
  await box.put(1, 5_000);
  await box.requests(2);
  await box.put(5_001, 5_003);
  more.resolve();
  await box.empty();
  const spans = box.seen.map(({ values }) => [values[0], values.at(-1)]);
  assert.deepEqual(spans.slice(0, 4), [[4_991, 5_000], [1, 500], [5_001, 5_003], [501, 1_000]]);
  const all = box.seen.flatMap(({ values }) => values);
  assert.equal(all.length, 5_003);
  assert.equal(new Set(all).size, 5_003);
  for (const { values } of box.seen) assert.deepEqual(values, values.toSorted((a, b) => a - b));
});

Deno.test("Sender: a line that only lets small requests through lets everything through", async () => {
  await using box = await Setup.start({ request_timeout_ms: 1_000 });
  box.onRequest = ({ values }) => values.length > 60 ? box.ended.promise : undefined;
  await box.put(1, 400);
  box.run();
  while (box.spool.status().waiting > 0) await box.clock.advance(100);
  const answered = box.seen.filter(({ values }) => values.length <= 60);
  assert.equal(new Set(answered.flatMap(({ values }) => values)).size, 400);
  assert.equal(box.spool.status().stored, 400);
});

Deno.test("Sender packs large batches, and only those", async () => {
  await using box = await Setup.start({ compress: true });
  await box.put(1, 1, 1_000);
  await box.empty();
  await box.put(2, 101, 1_000);
  await box.empty();
  assert.deepEqual(box.seen.map(({ encoding }) => encoding), [null, "gzip"]);
  assert.ok((box.seen[1]?.bytes ?? Infinity) < 10_000, `${box.seen[1]?.bytes} bytes`);
  const bytes = box.seen.reduce((sum, seen) => sum + seen.bytes, 0);
  assert.equal(box.sender.status().sent_bytes, bytes);
});

Deno.test("Sender waits its part of the spread before it sends what is new", async () => {
  await using box = await Setup.start({ spread_ms: 2_000 });
  box.run();
  await box.clock.advance(5_000);
  await box.put(1, 1);
  await box.clock.advance(999);
  assert.equal(box.seen.length, 0);
  await box.clock.advance(1);
  await box.empty();
  assert.equal(box.seen.length, 1);
});

Deno.test("Sender knows how far the server's clock is from its own", async () => {
  await using box = await Setup.start();
  assert.equal(box.sender.status().clock_offset_ms, undefined);
  await box.put(1, 1);
  await box.empty();
  // the server's is today's, the agent's is of 2025: about two years
  assert.ok((box.sender.status().clock_offset_ms ?? 0) > 365 * 86_400_000);
});
