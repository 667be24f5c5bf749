/** What the agent reads of the machine for scripts: processes, TCP states, systemd. */
import assert from "node:assert/strict";
import { pageBytesOf } from "../../agent/page_size.ts";
import { parseProcessStat, readProcesses } from "../../agent/processes.ts";
import { readSystemd, unitName } from "../../agent/systemd.ts";
import { readTcpStates, TcpStateCounter } from "../../agent/tcp_states.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { tempDir } from "../support/temp_dir.ts";

const linux = { ignore: Deno.build.os !== "linux" };

/** Recorded; the name has been made as odd as the kernel allows. */
const STAT =
  "31000 (a) b (c)) S 30984 30984 2827 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 169199 3133440 389 18446744073709551615 94908757577728";

Deno.test("parseProcessStat() finds its way around any name", () => {
  assert.deepEqual(parseProcessStat(STAT, 4096), {
    pid: 31000,
    name: "a) b (c)",
    state: "S",
    threads: 3,
    cpu_seconds: 3,
    memory_bytes: 389 * 4096,
    started_ticks: 169199,
  });
  assert.equal(parseProcessStat("", 4096), undefined);
});

Deno.test("pages have the size that the kernel tells programs", () => {
  const entry = (type: number, value: number) => [BigInt(type), BigInt(value)];
  const auxv = (...entries: bigint[][]) =>
    new Uint8Array(BigUint64Array.from(entries.flat()).buffer);
  assert.equal(pageBytesOf(auxv(entry(33, 7), entry(6, 65_536), entry(0, 0))), 65_536);
  assert.equal(pageBytesOf(auxv(entry(33, 6), entry(0, 0))), undefined);
  assert.equal(pageBytesOf(new Uint8Array(7)), undefined);
  assert.equal(parseProcessStat(STAT, 65_536)?.memory_bytes, 389 * 65_536);
});

Deno.test({
  name: "readProcesses() finds this process, with about the memory it has",
  ...linux,
  fn() {
    const own = readProcesses().find(({ pid }) => pid === Deno.pid);
    assert.ok(own !== undefined);
    const { rss } = Deno.memoryUsage();
    assert.ok(own.memory_bytes > rss / 2 && own.memory_bytes < rss * 2, String(own.memory_bytes));
    assert.ok(own.cpu_seconds > 0 && own.threads > 1);
  },
});

const TCP =
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1609 1 00000000b0063ec0 100 0 0 10 0
   1: 020200C0:8A6A 507100CB:01BB 06 00000000:00000000 03:00000B30 00000000     0        0 0 3 00000000e8a411c7
   2: 0100007F:C094 0100007F:2325 01 00000000:00000000 00:00000000 00000000     0        0 316964 1 000000001a289eb0 20 0 0 11 -1
   3: 0100007F:C095 0100007F:2325 0C 00000000:00000000 00:00000000 00000000     0        0 316964 1 000000001a289eb0 20 0 0 11 -1
`;

Deno.test("TcpStateCounter counts the same whatever pieces the table comes in", () => {
  const bytes = new TextEncoder().encode(TCP);
  for (const size of [1, 7, 64, bytes.length]) {
    const counter = new TcpStateCounter();
    for (let at = 0; at < bytes.length; at += size) counter.add(bytes.subarray(at, at + size));
    const counted = Object.entries(counter.counts).filter(([, count]) => count > 0);
    assert.deepEqual(Object.fromEntries(counted), {
      established: 1,
      syn_recv: 1,
      time_wait: 1,
      listen: 1,
    });
  }
});

Deno.test({
  name: "readTcpStates() sees a connection of ours: two ends and the port",
  ...linux,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using _client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using _server = await listener.accept();
    const { established, listen } = readTcpStates();
    assert.ok(established >= 2 && listen >= 1);
    assert.equal(readTcpStates(["/proc/net/none"]).listen, 0);
  },
});

/** Answers as a real bus did, message by message. */
function replay(path: string, turns: string[]) {
  const listener = Deno.listen({ transport: "unix", path });
  const served = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4096);
    for (const turn of turns) {
      const length = await connection.read(buffer);
      const [asked = "", answer = ""] = turn.split("\n");
      // the user's number in the first message is that of whoever recorded it
      if (!asked.startsWith("00")) assert.equal(buffer.subarray(0, length ?? 0).toHex(), asked);
      if (answer !== "") await connection.write(Uint8Array.fromHex(answer));
    }
    await connection.read(buffer);
  })();
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

/** Two messages came in one piece there, and do so again: whoever reads has to part them. */
async function recordedTurns(): Promise<string[]> {
  const file = new URL("./fixtures/dbus_session", import.meta.url);
  const lines = (await Deno.readTextFile(file)).trim().split("\n");
  return lines.filter((line) => line.startsWith("> ")).map((line) => {
    const answer = lines[lines.indexOf(line) + 1] ?? "";
    return `${line.slice(2)}\n${answer.startsWith("< ") ? answer.slice(2) : ""}`;
  });
}

Deno.test({
  name: "readSystemd() reads what a real D-Bus has answered",
  ...linux,
  async fn() {
    await using dir = await tempDir();
    const bus = dir.join("bus");
    await using _server = replay(bus, await recordedTurns());
    const units = await readSystemd(["ssh", "nope.timer"], { clock: new FakeClock(), bus });
    assert.deepEqual(units, {
      failed: 3,
      units: [
        { name: "ssh", load: "loaded", active: "active", sub: "running" },
        { name: "nope.timer", load: "not-found", active: "inactive", sub: "running" },
      ],
    });
  },
});

Deno.test({
  name: "readSystemd() gives up on a bus that says nothing, and where there is none",
  ...linux,
  async fn() {
    await using dir = await tempDir();
    const clock = new FakeClock();
    const bus = dir.join("bus");
    {
      using listener = Deno.listen({ transport: "unix", path: bus });
      const asked = assert.rejects(readSystemd([], { clock, bus }), {
        message: "systemd did not answer within 4 s",
      });
      using connection = await listener.accept();
      await clock.advance(4_000);
      await asked;
      const buffer = new Uint8Array(4096);
      // the end of the connection: what it said before comes first
      while (await connection.read(buffer) !== null);
    }
    await assert.rejects(readSystemd([], { clock, bus: dir.join("none") }), /No such file/);
  },
});

Deno.test("unitName() adds what systemctl adds", () => {
  assert.deepEqual(["nginx", "a.timer", "php8.3-fpm"].map(unitName), [
    "nginx.service",
    "a.timer",
    "php8.3-fpm.service",
  ]);
});
