/** `monitor export` and `monitor import` as processes, on real servers in this one. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { FORMAT_NAMES } from "../../server/wire/sample.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { freePort } from "../support/free_port.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type TestApp, testApp } from "../support/test_app.ts";
import { monitorCommand, runMonitor } from "./run_monitor.ts";

const HOUR_S = Date.UTC(2025, 0, 15, 12) / 1000;

function emptyApp(): Promise<TestApp> {
  return testApp({ clock: new FakeClock((HOUR_S + 86_400) * 1000) });
}

/** Two hours of three hosts, with names and values that are hard to write. */
async function fullApp(): Promise<TestApp> {
  const app = await emptyApp();
  const hosts = ["web-1", 'quote"d, host', "שלום 😀"];
  const reports = hosts.flatMap((hostname, host) =>
    Array.from({ length: 120 }, (_, i) => ({
      hostname,
      timestamp: HOUR_S + i * 60 + host / 1000,
      metrics: {
        "disk.root": i / 7,
        'http_total{code="200",path="/a\\\\b"}': i * 1e15,
        "a=b,{}": i % 3 - 1e-300,
        ...(i % 10 === 0 ? { sometimes: { value: i, message: "one\nin ten" } } : {}),
        ...(i === 5 ? { never: null } : {}),
      },
    }))
  );
  const { status, body } = await app.post(reports);
  assert.equal(status, 200, JSON.stringify(body));
  return app;
}

for (const format of FORMAT_NAMES) {
  Deno.test(`export → import → export gives the same bytes: ${format}`, async () => {
    await using dir = await tempDir();
    await using from = await fullApp();
    await using to = await emptyApp();
    const [first, second] = [dir.join("first"), dir.join("second")];
    const exported = await runMonitor(
      ["export", "--format", format, "--output", first, "--server", from.url],
    );
    assert.deepEqual([exported.code, exported.out], [0, ""], exported.err);
    assert.match(exported.err, /^Exported \d+ samples to .+first in \d+ s\n$/);
    const imported = await runMonitor(["import", first, "--server", to.url, "--json"]);
    assert.equal(imported.code, 0, imported.err);
    const { read, stored, duplicate, refused, complete } = JSON.parse(imported.out);
    assert.deepEqual(
      { read, stored, duplicate, refused, complete },
      { read: 1_116, stored: 1_116, duplicate: 0, refused: 0, complete: true },
    );
    const again = await runMonitor(["export", "--format", format, "--server", to.url]);
    assert.equal(again.out, await Deno.readTextFile(first));
    // and once more: nothing is stored twice
    await Deno.writeFile(second, gzipSync(again.out));
    const repeated = await runMonitor(["import", second, "--server", to.url]);
    assert.equal(repeated.code, 0, repeated.err);
    assert.match(repeated.out, /^read +1116 samples .+\nstored +0\nduplicate +1116\nrefused +0\n/);
  });
}

Deno.test("import stores the good lines, names the bad ones with line and column, and exits with 1", async () => {
  await using dir = await tempDir();
  await using app = await emptyApp();
  const file = dir.join("data.csv");
  await Deno.writeTextFile(
    file,
    [
      "host,metric,timestamp,value",
      `a,cpu,${HOUR_S},1`,
      "a,cpu,yesterday,1",
      `a,cpu,${HOUR_S},1`,
      `a,cpu,${HOUR_S},2`,
      `a\x1b,cpu,${HOUR_S},1`,
      `a,cpu,${HOUR_S + 1e9},1`,
      `b,"cpu",${HOUR_S},"1.5"`,
    ].join("\n"),
  );
  const { code, out, err } = await runMonitor(["import", file, "--server", app.url]);
  assert.equal(code, 1);
  assert.match(out, /^read +7 samples .+\nstored +2\nduplicate +1\nrefused +4\n$/);
  assert.deepEqual(
    err.split("\n").slice(0, 4).map((line) => line.slice(0, 50)),
    [
      "line 3, column 7: time must be seconds since 1970 or",
      "line 5, column 1: another value was given for this",
      "line 6, column 1: host must not contain control ch",
      "line 7: timestamp must be at most 600 s ahead of t",
    ].map((line) => line.slice(0, 50)),
  );
  assert.match(err, /\nerror: 4 of 7 samples were refused\n {2}try: correct them/);
  assert.deepEqual((await app.get("/fetch/history/b/cpu")).body, [[HOUR_S, 1.5]]);
});

Deno.test("import refuses a file that is none, and one of no known format", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("notes.txt"), "hello\nworld\n");
  await Deno.writeTextFile(dir.join("empty"), "");
  for (
    const [file, expected] of [
      [dir.join("none.csv"), /^error: Cannot read .+none\.csv\n {2}why: there is no such file\n/],
      [dir.path, /^error: Cannot read .+\n {2}why: .*directory/],
      [dir.join("notes.txt"), /^error: Cannot tell the format of .+notes\.txt\n {2}why: .+"hello"/],
    ] as const
  ) {
    const { code, out, err } = await runMonitor(["import", file]);
    assert.deepEqual([code, out], [1, ""], err);
    assert.match(err, expected);
    assert.match(err, /\n {2}try: .+\n$/);
  }
  const empty = await runMonitor(["import", dir.join("empty")]);
  assert.equal(empty.code, 0, empty.err);
  assert.match(empty.out, /^read +0 samples/);
});

Deno.test("import tells that no server is there, and sends nothing away unseen", async () => {
  await using dir = await tempDir();
  const file = dir.join("x.prom");
  await Deno.writeTextFile(file, `cpu{host="a"} 1 ${HOUR_S}000\n`);
  const { code, out, err } = await runMonitor(
    ["import", file, "--server", `127.0.0.1:${freePort()}`],
  );
  assert.equal(code, 1);
  assert.match(out, /^read +1 samples .+\nstored +0\n/);
  assert.match(
    err,
    /^error: Cannot send to the server .+\n {2}why: connection refused.+\n {2}try: /,
  );
});

Deno.test("export that breaks off ends with an error and leaves no file", async () => {
  await using dir = await tempDir();
  const body = `host,metric,timestamp,value\na,cpu,${HOUR_S},1\n# error: Cannot read on: disk\n`;
  await using server = Object.assign(
    Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response(body)),
    { [Symbol.asyncDispose]: () => server.shutdown() },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const file = dir.join("x.csv");
  const { code, err } = await runMonitor(["export", "--output", file, "--server", url]);
  assert.equal(code, 1);
  assert.match(
    err,
    /^error: The export broke off after 2 lines: .+x\.csv was not written\n {2}why: Cannot read on: disk\n/,
  );
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
  const piped = await runMonitor(["export", "--server", url]);
  assert.deepEqual([piped.code, piped.out], [1, body]);
  // and who imports it is told, too
  await Deno.writeTextFile(file, body);
  await using app = await emptyApp();
  const imported = await runMonitor(["import", file, "--server", app.url]);
  assert.equal(imported.code, 1);
  assert.match(
    imported.err,
    /^line 3, column 1: the export broke off here: Cannot read on: disk\n/,
  );
});

Deno.test("export and import refuse command lines that cannot be meant with exit code 2", async () => {
  for (
    const [args, expected] of [
      [["export", "--format", "xml"], /option '--format <format>' argument 'xml' is invalid/],
      [["export", "--since", "soon"], /^error: --since must be .+"soon"/],
      [["export", "--since", "1h", "--until", "2h"], /^error: --since must be before --until/],
      [["import"], /missing required argument 'file'/],
      [["import", "x", "--server", "ftp://x"], /^error: the server must be a URL/],
    ] as const
  ) {
    const { code, out, err } = await runMonitor([...args]);
    assert.deepEqual([code, out], [2, ""], args.join(" "));
    assert.match(err, expected);
  }
});

Deno.test("export takes patterns and a range, and says when a host is unknown", async () => {
  await using app = await fullApp();
  const some = await runMonitor([
    "export",
    ...["--host", "web-*", "--metric", "disk.*", "--metric", "some*", "--format", "prometheus"],
    ...["--since", String(HOUR_S + 600), "--until", String(HOUR_S + 720), "--server", app.url],
  ]);
  assert.equal(some.code, 0, some.err);
  assert.deepEqual(some.out.split("\n"), [
    `{"disk.root",host="web-1"} ${10 / 7} ${HOUR_S + 600}000`,
    `{"disk.root",host="web-1"} ${11 / 7} ${HOUR_S + 660}000`,
    `sometimes{host="web-1"} 10 ${HOUR_S + 600}000`,
    "",
  ]);
  await app.post({ hostname: "db", tags: { env: "prod" }, timestamp: HOUR_S, metrics: { x: 1 } });
  const tagged = await runMonitor(["export", "--tag", "env=p*", "--server", app.url]);
  assert.deepEqual(tagged.out.split("\n").slice(1), [`db,x,${HOUR_S},1`, ""]);
  const untagged = await runMonitor(["export", "--tag", "env", "--server", app.url]);
  assert.deepEqual([untagged.code, untagged.out], [2, ""]);
  const unknown = await runMonitor(["export", "--host", "nobody", "--server", app.url]);
  assert.deepEqual([unknown.code, unknown.out], [1, ""]);
  assert.match(unknown.err, /why: Cannot find host "nobody"/);
});

Deno.test("simulate fills a server, tells what became of it, and repeats itself exactly", async () => {
  await using app = await testApp();
  const args = ["simulate", "--hosts", "6", "--metrics", "5", "--interval", "2m", "--days", "0.2"];
  const first = await runMonitor([...args, "--seed", "3", "--json", "--server", app.url]);
  assert.deepEqual([first.code, first.err], [0, ""]);
  const account = JSON.parse(first.out);
  assert.equal(account.stored, account.sent);
  assert.ok(account.sent > 800 && account.sent <= 864, first.out);
  const [row] = await app.database.sql<{ reports: number; samples: number }[]>`
    select count(*)::int as reports, sum(cardinality(vals))::int as samples from report`;
  assert.deepEqual(row, { reports: account.sent, samples: account.samples });
  const [host] = (await app.get("/fetch/hosts")).body;
  assert.deepEqual([host.hostname, host.additional_data.alias], ["sim-0001", "Simulated sim-0001"]);
  const second = await runMonitor([...args, "--seed", "3", "--server", app.url]);
  assert.equal(second.code, 0, second.err);
  const repeated = Number(/\nduplicate +(\d+)\n/.exec(second.out)?.[1]);
  // a tick may have come since; it is new
  assert.ok(repeated >= account.sent - 12, second.out);
  assert.match(second.out, /^sent +\d+ reports, \d+ samples in .+\nstored +\d+\n.+\nrefused +0\n$/);
});

Deno.test("simulate refuses numbers it cannot mean", async () => {
  for (
    const [args, expected] of [
      [["--hosts", "0"], /^error: --hosts must be a whole number from 1 to .+"0"/],
      [["--interval", "soon"], /^error: --interval must be from 100ms to 1d/],
      [["--rate", "fast"], /^error: --rate must be a whole number/],
      [["--days", "-1"], /^error: --days must be a number from 0/],
      [["--prefix", "a\nb"], /^error: --prefix makes names of hosts, which must not contain/],
    ] as const
  ) {
    const { code, out, err } = await runMonitor(["simulate", ...args]);
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, expected);
  }
});

Deno.test("storage prints tables for people and the answer for programs", async () => {
  await using app = await fullApp();
  const { code, out, err } = await runMonitor(["storage", "--hosts", "2", "--server", app.url]);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(
    out,
    /^TIER +BYTES .+\nhot +.+\nraw .+\n5m .+\n1h .+\n1d .+\n\ndatabase: .+\nother: /,
  );
  assert.match(
    out,
    /\ndisk: the database is elsewhere.+\n\nHOST +BYTES.+\n.+\n.+\nthe largest 2 of 3\n$/,
  );
  const json = await runMonitor(["storage", "--json", "--server", app.url]);
  assert.equal(JSON.parse(json.out).tiers[0].samples, 1_116);
});

/** Starts a command, and asks it to stop as soon as `ready` says so. */
async function interrupt(args: string[], ready: () => Promise<boolean>) {
  const child = monitorCommand(args).spawn();
  const ended = child.output();
  while (!await ready());
  child.kill("SIGINT");
  const { code, stdout, stderr } = await ended;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const has = (app: TestApp) => async () => (await app.get("/fetch/hosts")).body.length > 0;

Deno.test("Ctrl-C ends a simulation with what was done, all of it accounted for", async () => {
  await using app = await testApp();
  const args = ["simulate", "--rate", "200", "--batch", "10", "--json", "--server", app.url];
  const { code, out, err } = await interrupt(args, has(app));
  assert.equal(code, 1);
  assert.match(err, /^error: Stopped before all was sent\n {2}try: run it again/);
  const account = JSON.parse(out);
  assert.deepEqual([account.complete, account.stored], [false, account.sent]);
  const [row] = await app.database.sql<{ reports: number }[]>`
    select count(*)::int as reports from report`;
  assert.equal(row?.reports, account.sent);
  const live = await interrupt(
    ["simulate", "--days", "0", "--live", "--prefix", "live-", "--server", app.url],
    async () => (await app.get("/fetch/latest?hostname=live-0001")).status === 200,
  );
  assert.deepEqual([live.code, live.err], [0, ""], "real time has no other end");
});

Deno.test({
  name: "Ctrl-C ends an import that waits for more, with what was done; run again, it goes on",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using app = await testApp();
    await using dir = await tempDir();
    const [file, pipe] = [dir.join("x.csv"), dir.join("pipe")];
    const at_s = Math.floor(Date.now() / 3_600_000) * 3_600 - 86_400;
    // more than an import keeps in memory; hosts of 20,000 samples each: 100 metrics at 200 times
    const samples = 600_000;
    const lines = Array.from({ length: samples }, (_, i) => {
      const [host, rest] = [Math.floor(i / 20_000), i % 20_000];
      return `h${host},m${Math.floor(rest / 200)},${at_s + rest % 200},${i}\n`;
    });
    await Deno.writeTextFile(file, `host,metric,timestamp,value\n${lines.join("")}`);
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const held = Promise.withResolvers<void>();
    const fill = async () => {
      const [from, into] = [await Deno.open(file), await Deno.open(pipe, { write: true })];
      await from.readable.pipeTo(into.writable, { preventClose: true });
      await held.promise;
      into.close();
    };
    // what reads may be gone before all is written
    const filled = fill().catch((error) => assert.ok(error instanceof Deno.errors.BrokenPipe));
    const stopped = await interrupt(["import", pipe, "--server", app.url], has(app));
    held.resolve();
    await filled;
    assert.equal(stopped.code, 1);
    assert.match(
      stopped.err,
      /^error: Stopped: \d+ samples were read and not sent\n {2}try: run it again/,
    );
    const count = (word: string, text: string) =>
      Number(new RegExp(`^${word} +(\\d+)`, "m").exec(text)?.[1]);
    const stored = count("stored", stopped.out);
    assert.ok(stored > 0 && stored < samples, stopped.out);
    const again = await runMonitor(["import", file, "--server", app.url]);
    assert.equal(again.code, 0, again.err);
    assert.deepEqual(
      [count("duplicate", again.out), count("stored", again.out)],
      [stored, samples - stored],
    );
  },
});
