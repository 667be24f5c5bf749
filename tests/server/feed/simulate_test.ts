/** The order in which a simulation sends, on a fake clock and a server that takes everything. */
import assert from "node:assert/strict";
import { DAY_MS, Fleet } from "../../../server/feed/fleet.ts";
import { Simulation } from "../../../server/feed/simulate.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const INTERVAL_MS = 600_000;

interface Sent {
  hostname: string;
  timestamp: number;
  tags?: unknown;
  metadata?: unknown;
}

function trial(options: { days: number; live?: boolean; rate?: number; hosts?: number }) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const sent: Sent[] = [];
  const simulation = new Simulation({
    fleet: new Fleet({
      seed: 7,
      hosts: options.hosts ?? 30,
      metrics: 2,
      interval_ms: INTERVAL_MS,
      prefix: "h",
    }),
    interval_ms: INTERVAL_MS,
    days: options.days,
    live: options.live ?? false,
    rate: options.rate ?? Infinity,
    batch: 10,
    connections: 1,
    post: (body) => {
      const reports = JSON.parse(body) as Sent[];
      sent.push(...reports);
      const answer = { status: "received", stored: reports.length, duplicate: 0 };
      return Promise.resolve({ status: 200, retry_after: null, body: JSON.stringify(answer) });
    },
    server: "http://x",
    clock,
    signal: stop.signal,
    give_up: new AbortController().signal,
    onProgress: () => {},
  });
  return { clock, stop, sent, simulation };
}

Deno.test("Simulation sends the past oldest first, each report once, late ones late", async () => {
  const { clock, sent, simulation } = trial({ days: 10 });
  await simulation.run();
  const keys = sent.map(({ hostname, timestamp }) => `${hostname} ${timestamp}`);
  assert.equal(new Set(keys).size, keys.length, "no report twice");
  const times = sent.map(({ timestamp }) => timestamp * 1000);
  assert.equal(Math.min(...times), clock.now() - 10 * DAY_MS);
  assert.equal(Math.max(...times), clock.now() - INTERVAL_MS);
  let newest = 0;
  const late = times.filter((at_ms) => {
    newest = Math.max(newest, at_ms);
    return at_ms < newest;
  });
  assert.ok(late.length > 20, `${late.length} come late`);
  const { account } = simulation;
  assert.deepEqual([account.sent, account.stored], [sent.length, sent.length]);
  // 30 hosts, 144 reports a day; some of them are silent for a while
  assert.ok(sent.length > 0.98 * 43_200 && sent.length < 43_200, `${sent.length}`);
  // late reports are not lost: the holes are those of hosts that are down
  const fleet = new Fleet({
    seed: 7,
    hosts: 30,
    metrics: 2,
    interval_ms: INTERVAL_MS,
    prefix: "h",
  });
  let expected = 0;
  for (let host = 0; host < 30; host++) {
    for (let at_ms = clock.now() - 10 * DAY_MS; at_ms < clock.now(); at_ms += INTERVAL_MS) {
      if (fleet.report(host, at_ms) !== undefined) expected++;
    }
  }
  assert.equal(sent.length, expected);
});

Deno.test("Simulation introduces every host once, and the metrics with the first", async () => {
  const { sent, simulation } = trial({ days: 1, hosts: 5 });
  await simulation.run();
  const introduced = sent.filter((report) => report.tags !== undefined);
  assert.equal(new Set(introduced.map((report) => report.hostname)).size, 5);
  assert.equal(introduced.length, 5);
  assert.deepEqual(sent.filter((one) => one.metadata !== undefined).map((one) => one.hostname), [
    "h0001",
  ]);
});

Deno.test("Simulation keeps to its rate", async () => {
  const { clock, stop, sent, simulation } = trial({ days: 1, rate: 10 });
  const run = simulation.run();
  await clock.advance(20_000);
  assert.ok(sent.length >= 200 && sent.length <= 220, `${sent.length} in 20 s`);
  await clock.advance(20_000);
  assert.ok(sent.length >= 400 && sent.length <= 420, `${sent.length} in 40 s`);
  stop.abort();
  await run;
  assert.equal(simulation.account.stored, simulation.account.sent);
});

Deno.test("Simulation in real time sends a tick when it is due, until it is stopped", async () => {
  const { clock, stop, sent, simulation } = trial({ days: 0, live: true, hosts: 3 });
  const run = simulation.run();
  await clock.advance(2.5 * INTERVAL_MS);
  const begin_s = clock.now() / 1000 - 1_500;
  assert.deepEqual(
    [...new Set(sent.map((one) => one.timestamp))],
    [begin_s, begin_s + 600, begin_s + 1_200],
  );
  stop.abort();
  await run;
  assert.equal(sent.length, simulation.account.stored);
});
