import assert from "node:assert/strict";
import { type ConnectionFacts, ConnectionTable } from "../../../server/http/connections.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";

const LIMITS = { connections_max: 3, connection_idle_s: 300, request_s: 60 };

function connection(key: string, facts: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    key,
    since_received_ms: 1_000,
    since_sent_ms: 900,
    received: 100,
    confirmed: 200,
    is_sending: false,
    ...facts,
  };
}

/** What is closed at each of the times, of connections that are given for each. */
function looks(times: [at_s: number, found: ConnectionFacts[]][]): Record<string, string>[] {
  const table = new ConnectionTable();
  return times.map(([at_s, found]) => Object.fromEntries(table.look(found, at_s * 1000, LIMITS)));
}

Deno.test("ConnectionTable closes what is idle, and not what is used now and then", () => {
  const quiet = (ms: number) => connection("a", { since_received_ms: ms + 10, since_sent_ms: ms });
  assert.deepEqual(looks([[0, [quiet(299_000)]], [2, [quiet(301_000)]]]), [{}, { a: "idle" }]);
  // a connection that never said anything
  const silent = connection("a", { received: 0, confirmed: 0, since_sent_ms: 301_000 });
  assert.deepEqual(looks([[0, [silent]], [2, [{ ...silent, since_received_ms: 301_000 }]]]), [
    {},
    { a: "idle" },
  ]);
});

Deno.test("ConnectionTable closes a request that gets no answer, however often something comes", () => {
  const trickle = (received: number) =>
    connection("a", { received, confirmed: 0, since_received_ms: 10, since_sent_ms: 70_000 });
  assert.deepEqual(looks([[0, [trickle(1)]], [59, [trickle(60)]], [61, [trickle(62)]]]), [
    {},
    {},
    { a: "slow" },
  ]);
  // a long pause, then a request: it has its time from then on
  const idle = connection("a", { since_received_ms: 200_010, since_sent_ms: 200_000 });
  const asking = connection("a", { since_received_ms: 10, since_sent_ms: 202_000 });
  assert.deepEqual(looks([[0, [idle]], [2, [asking]], [61, [asking]], [63, [asking]]]), [
    {},
    {},
    {},
    { a: "slow" },
  ]);
  // answers go back: each begins anew
  const served = (confirmed: number) => connection("a", { confirmed, since_received_ms: 1 });
  assert.deepEqual(looks([[0, [served(1)]], [50, [served(2)]], [100, [served(3)]]]), [{}, {}, {}]);
});

Deno.test("ConnectionTable closes an answer that nobody reads, and not one that is read slowly", () => {
  const sending = (confirmed: number) =>
    connection("a", { confirmed, is_sending: true, since_sent_ms: 10 });
  assert.deepEqual(looks([[0, [sending(1)]], [50, [sending(2)]], [100, [sending(3)]]]), [
    {},
    {},
    {},
  ]);
  assert.deepEqual(looks([[0, [sending(1)]], [61, [sending(1)]]]), [{}, { a: "stuck" }]);
});

Deno.test("ConnectionTable closes those answered longest ago when there are too many", () => {
  const names = ["a", "b", "c", "d", "e"];
  const all = (confirmed: number[]) =>
    confirmed.map((count, i) => connection(names[i] ?? "", { confirmed: count }));
  assert.deepEqual(
    looks([
      [0, all([1, 1, 1])],
      [2, all([2, 1, 2, 2, 0])],
    ]),
    [{}, { e: "crowded", b: "crowded" }],
  );
});

const onLinux = { ignore: Deno.build.os !== "linux" };

async function openTo(url: string): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
}

/** Reads until the other side closes, and moves the time on meanwhile. */
async function untilClosed(connection: Deno.Conn, clock: FakeClock): Promise<void> {
  let closed = false;
  const reading = connection.read(new Uint8Array(100)).then(
    (read) => assert.equal(read, null),
    (error) => assert.ok(error instanceof Deno.errors.ConnectionReset, String(error)),
  ).finally(() => closed = true);
  while (!closed) await clock.advance(1_000);
  await reading;
}

Deno.test({
  ...onLinux,
  name: "half a request is cut off, and others are served",
  async fn() {
    const clock = new FakeClock();
    await using app = await testApp({ clock, config: { limits: { request_s: 5 } } });
    using slow = await openTo(app.url);
    await slow.write(new TextEncoder().encode("POST /metrics HTTP/1.1\r\nhost: x\r\nx-slow: "));
    using body = await openTo(app.url);
    await body.write(new TextEncoder().encode(
      "POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
    ));
    await Promise.all([untilClosed(slow, clock), untilClosed(body, clock)]);
    const { body: own } = await app.get("/metrics");
    assert.match(own, /^monitor_server_connections_closed_total\{reason="slow"\} 2$/m);
    assert.match(app.log_lines.join(""), /connections closed/);
  },
});

Deno.test({
  ...onLinux,
  name: "connections are looked after again when that has failed for a while",
  async fn() {
    const clock = new FakeClock();
    await using app = await testApp({ clock, config: { limits: { request_s: 5 } } });
    using slow = await openTo(app.url);
    await slow.write(new TextEncoder().encode("POST /metrics HTTP/1.1\r\nhost: x\r\nx-slow: "));
    const { readDir } = Deno;
    let failed = 0;
    try {
      Deno.readDir = () => {
        failed++;
        throw new Error("Too many open files");
      };
      while (failed < 3) await clock.advance(1_000);
    } finally {
      Deno.readDir = readDir;
    }
    await untilClosed(slow, clock);
    const told = app.log_lines.filter((line) => line.includes("cannot be looked after"));
    assert.equal(told.length, 1, app.log_lines.join(""));
  },
});

Deno.test({
  ...onLinux,
  name: "of too many connections some are closed, and others are served",
  async fn() {
    const clock = new FakeClock();
    await using app = await testApp({ clock, config: { limits: { connections_max: 10 } } });
    const idle: Deno.TcpConn[] = [];
    let closed = 0;
    for (let i = 0; i < 30; i++) idle.push(await openTo(app.url));
    const ended = idle.map((one) =>
      one.read(new Uint8Array(1)).catch(() => {}).then(() => closed++)
    );
    while (closed < 20) await clock.advance(1_000);
    assert.equal((await app.get("/fetch/hosts")).status, 200);
    for (const one of idle) one.close();
    await Promise.all(ended);
  },
});
