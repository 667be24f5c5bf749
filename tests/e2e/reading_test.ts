/** `hosts`, `latest` and `history` against a server that answers by the contract. */
import assert from "node:assert/strict";
import { freePort } from "../support/free_port.ts";
import { PROGRAM, runMonitor } from "./run_monitor.ts";

const AT_S = 1_769_860_800;
const EVIL = "evil\x1b[2J\u202ehost";

const ANSWERS: Record<string, unknown> = {
  "/fetch/hosts": [
    { hostname: "b", additional_data: { alias: "Beta", location: null } },
    { hostname: "a", additional_data: { alias: null, location: "Zürich" }, tags: { env: "prod" } },
    { hostname: EVIL, additional_data: { alias: null, location: null } },
  ],
  "/fetch/latest": {
    a: {
      metrics: { "disk.root": 93, cpu: 1.5 },
      additional_data: { alias: null, location: null },
      metadata: { "disk.root": { unit: "percent" } },
      tags: {},
    },
    [EVIL]: { metrics: { cpu: 1_234_567 }, additional_data: { alias: null, location: null } },
  },
  "/fetch/latest?hostname=a": {
    a: { metrics: { "disk.root": 93, cpu: 1.5 }, additional_data: { alias: null, location: null } },
  },
  "/fetch/history/a/cpu%2Fload": [[AT_S + 10, 2.123456789], [AT_S, 1]],
  "/fetch/history/a/none": [],
};

interface Stub extends AsyncDisposable {
  url: string;
  asked: URL[];
}

/** Answers from `ANSWERS`; what is not there is a 404 as the contract has it. */
function startStub(): Stub {
  const asked: URL[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const url = new URL(request.url);
    asked.push(url);
    if (url.pathname === "/fetch/hosts" && url.search !== "") return new Response("hello");
    if (url.pathname === "/aggregate" && request.method === "POST") {
      return Response.json({ status: "Data aggregation triggered successfully" });
    }
    const answer = ANSWERS[url.pathname + url.search] ?? ANSWERS[url.pathname];
    const known = url.searchParams.get("hostname") !== "nobody" && answer !== undefined;
    return known
      ? Response.json(answer)
      : Response.json({ error: `Cannot find host "nobody\x1b[31m"` }, { status: 404 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("monitor hosts prints a table in which a hostile name is harmless", async () => {
  await using stub = startStub();
  const { code, out, err } = await runMonitor(["hosts", "--server", stub.url]);
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(out.split("\n"), [
    "HOST                       ALIAS  LOCATION  TAGS",
    "a                                 Zürich    env=prod",
    "b                          Beta",
    "evil\\u{1b}[2J\\u{202e}host",
    "",
  ]);
});

Deno.test("monitor hosts --json prints the answer, safe for a terminal", async () => {
  await using stub = startStub();
  const { out } = await runMonitor(["hosts", "--json"], { env: { MONITOR_SERVER: stub.url } });
  assert.deepEqual(JSON.parse(out), ANSWERS["/fetch/hosts"]);
  assert.doesNotMatch(out, /(?!\n)[\p{Cc}\p{Cf}]/u);
});

Deno.test("monitor latest lists all hosts, or one without a column for its name", async () => {
  await using stub = startStub();
  const all = await runMonitor(["latest", "--server", `${stub.url}/`]);
  assert.deepEqual(all.out.split("\n"), [
    "HOST                       METRIC     VALUE  AGE",
    "a                          cpu          1.5",
    "a                          disk.root   93 %",
    "evil\\u{1b}[2J\\u{202e}host  cpu        1.23M",
    "",
  ]);
  const one = await runMonitor(["latest", "a", "--server", stub.url.replace("http://", "")]);
  assert.deepEqual(one.out.split("\n"), [
    "METRIC     VALUE  AGE",
    "cpu          1.5",
    "disk.root     93",
    "",
  ]);
});

Deno.test("monitor history into a pipe has every digit, and asks for what was said", async () => {
  await using stub = startStub();
  const { code, out, err } = await runMonitor([
    "history",
    "a",
    "cpu/load",
    "--since",
    String(AT_S),
    "--until",
    "2026-01-31T13:00Z",
    "--limit",
    "2",
    "--server",
    stub.url,
  ]);
  assert.equal(code, 0, err);
  assert.deepEqual(out.split("\n"), [
    "TIME                            VALUE",
    "2026-01-31T12:00:10.000Z  2.123456789",
    "2026-01-31T12:00:00.000Z            1",
    "",
  ]);
  assert.equal(err, "The newest 2 values; more with --limit\n");
  assert.equal(stub.asked[0]?.search, `?start=${AT_S}&end=${AT_S + 3600}&limit=2`);
});

Deno.test("monitor history says when there is nothing, and exits with 0", async () => {
  await using stub = startStub();
  const { code, out, err } = await runMonitor(["history", "a", "none", "--server", stub.url]);
  assert.deepEqual([code, out], [0, ""]);
  assert.match(err, /^No value of none between .+Z and .+Z\n$/);
});

Deno.test("monitor history refuses times and limits it cannot read with exit code 2", async () => {
  const cases: [string[], RegExp][] = [
    [["--since", "yesterday"], /^error: --since must be 15m, .+: current value is "yesterday"\n$/],
    [["--until", "\x1b[2J"], /^error: --until must be .+: current value is "\\u\{1b\}\[2J"\n$/],
    [["--since", "now", "--until", "1h"], /^error: --since must be before --until\n$/],
    [["--limit", "0"], /^error: --limit must be a whole number of at least 1: .+"0"\n$/],
    [["--server", "ftp://x"], /^error: the server must be a URL such as .+"ftp:\/\/x"\n$/],
  ];
  for (const [args, expected] of cases) {
    const { code, out, err } = await runMonitor(["history", "a", "b", ...args]);
    assert.deepEqual([code, out], [2, ""], args.join(" "));
    assert.match(err, expected);
  }
});

Deno.test("monitor tells what failed, why and what to do, each on one line", async () => {
  await using stub = startStub();
  const unknown = await runMonitor(["latest", "nobody", "--server", stub.url]);
  assert.deepEqual([unknown.code, unknown.out], [1, ""]);
  assert.deepEqual(unknown.err.split("\n"), [
    `error: ${stub.url} refused the request`,
    '  why: Cannot find host "nobody\\u{1b}[31m"',
    `  try: "${PROGRAM} hosts" and "${PROGRAM} latest HOST" list what is there`,
    "",
  ]);
  const other = await runMonitor(["latest", "--server", `${stub.url}/fetch/hosts`]);
  assert.equal(other.code, 1);
  const port = freePort();
  const away = await runMonitor(["hosts", "--server", `127.0.0.1:${port}`]);
  assert.deepEqual([away.code, away.out], [1, ""]);
  assert.deepEqual(away.err.split("\n"), [
    `error: Cannot reach the server at http://127.0.0.1:${port}`,
    "  why: connection refused, nothing listens there",
    `  try: start one with "${PROGRAM} up", or name another with --server URL`,
    "",
  ]);
});

Deno.test("monitor says when something else than monitor answers", async () => {
  await using server = Object.assign(
    Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response("<html>")),
    { [Symbol.asyncDispose]: () => server.shutdown() },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { code, err } = await runMonitor(["hosts", "--server", url]);
  assert.equal(code, 1);
  assert.match(err, /^error: Cannot use the answer of .+\n {2}why: \/fetch\/hosts did not answer/);
});

Deno.test("monitor aggregate prints what the server says", async () => {
  await using stub = startStub();
  const { code, out } = await runMonitor(["aggregate", "--server", stub.url]);
  assert.deepEqual([code, out], [0, "Data aggregation triggered successfully\n"]);
});
