/** Checks of other machines, against real sockets that speak what the other side would. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { createServer } from "node:https";
import type { Certificate, Host } from "../../agent/monitor.d.ts";
import { createHostMethods } from "../../agent/host.ts";
import { systemClock } from "../../clock.ts";
import { collect as collectDns } from "../../metrics/dns_check.ts";
import { collect as collectHttp, statusFits } from "../../metrics/http_check.ts";
import { collect as collectNginx, parseStubStatus } from "../../metrics/nginx.ts";
import { collect as collectPing, parsePing } from "../../metrics/ping.ts";
import { collect as collectTcp } from "../../metrics/tcp_check.ts";
import { freePort } from "../support/free_port.ts";
import { selfSigned } from "../support/certificate.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import { fixtureHost } from "./fixture_host.ts";

const DAY_MS = 86_400_000;
const TARGET = { method: "GET", status: "200-399", timeout: 3_000 };

/** What a target's check returned; fails when it is no tree. */
function of(result: unknown, name: string): Record<string, unknown> {
  return Object(Object(result)[name]);
}

function webServer(handler: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("http_check: status, text and time of a page, and why it is not right", async () => {
  await using server = webServer((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/moved") return Response.redirect("http://elsewhere.example/", 302);
    if (request.headers.get("authorization") !== "Bearer x") {
      return new Response("", { status: 401 });
    }
    return new Response("all is well");
  });
  const { url } = server;
  const targets = [
    { ...TARGET, name: "good", url, authorization: "Bearer x", contains: "well" },
    { ...TARGET, name: "text", url, authorization: "Bearer x", contains: "ill" },
    { ...TARGET, name: "status", url },
    { ...TARGET, name: "wanted", url, status: "401" },
    { ...TARGET, name: "moved", url: `${url}moved` },
    { ...TARGET, name: "closed", url: `http://127.0.0.1:${freePort()}/` },
  ];
  const result = await collectHttp(fixtureHost({ options: { targets } }));
  const { response_ms, ...good } = of(result, "good");
  assert.ok(typeof response_ms === "number" && response_ms > 0);
  assert.deepEqual(good, { up: true, status: 200 });
  const fault = (name: string) => of(of(result, name), "up").message;
  assert.equal(fault("text"), 'the page does not contain "ill"');
  assert.equal(fault("status"), "status is 401, not 200-399");
  assert.deepEqual([of(result, "wanted").up, of(result, "moved").status], [true, 302]);
  assert.match(String(fault("closed")), /^client error.*[Cc]onnection refused/);
});

Deno.test("http_check: statusFits() reads lists and ranges", () => {
  const fits = [[200, "200"], [204, "200-299"], [401, "200-299, 401"], [301, "300 - 399"]] as const;
  for (const [status, wanted] of fits) assert.ok(statusFits(status, wanted), wanted);
  for (const wanted of ["", "2xx", "201-299", "20"]) assert.ok(!statusFits(200, wanted), wanted);
});

/** A TLS server with a certificate that is its own. */
async function tlsServer(validity: { from_ms: number; to_ms: number }) {
  const certificate = selfSigned(validity);
  const server = createServer(certificate, (_request, response) => response.end("hello"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    ca: certificate.cert,
    port,
    url: `https://localhost:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function certificateHost<Options>(options: Options, net: string[], now_ms: number) {
  const methods = createHostMethods({ clock: new FakeClock(now_ms) });
  const certificate: Host["certificate"] = (address) =>
    // what the broker answers has the type that monitor.d.ts promises
    Promise.resolve(methods.certificate?.(address, { net }) as Promise<Certificate>);
  return fixtureHost({ options, certificate });
}

Deno.test("http_check: days left of a certificate, trusted or not, expired or not", async () => {
  const now_ms = systemClock.now();
  const span = (days: number) => ({ from_ms: now_ms - 30 * DAY_MS, to_ms: now_ms + days * DAY_MS });
  await using good = await tlsServer(span(20));
  await using expired = await tlsServer(span(-2));
  const targets = [
    { ...TARGET, name: "trusted", url: good.url, ca: good.ca },
    { ...TARGET, name: "unknown", url: `${good.url}?again` },
    { ...TARGET, name: "expired", url: expired.url, ca: expired.ca },
  ];
  const net = [`localhost:${good.port}`, `localhost:${expired.port}`];
  const result = await collectHttp(certificateHost({ targets }, net, now_ms));
  assert.equal(of(result, "trusted").up, true);
  const message = (name: string) => String(of(of(result, name), "up").message);
  assert.match(message("unknown"), /invalid peer certificate: UnknownIssuer/);
  assert.match(message("expired"), /invalid peer certificate: .*[Ee]xpired/);
  assert.deepEqual(
    targets.map(({ name }) => Math.round(Number(of(result, name).certificate_days))),
    [20, 20, -2],
  );
});

Deno.test("host.certificate() is for whom may connect there, and nobody else", async () => {
  const now_ms = systemClock.now();
  await using server = await tlsServer({ from_ms: now_ms - DAY_MS, to_ms: now_ms + DAY_MS });
  const { port } = server;
  const ask = async (net: string[], hostname = "localhost") =>
    await certificateHost({}, net, now_ms).certificate({ hostname, port });
  assert.equal((await ask([`localhost:${port}`])).subject, "localhost");
  for (const net of [[], [`localhost:${port + 1}`], ["127.0.0.1"]]) {
    await assert.rejects(ask(net), {
      message: `host.certificate() needs the permission net of localhost:${port}`,
    });
  }
  await assert.rejects(ask(["localhost"], "127.0.0.1"), /needs the permission/);
});

Deno.test("tcp_check: time to connect, and why there is no connection", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const targets = [
    { name: "open", address: { hostname: "127.0.0.1", port: listener.addr.port }, timeout: 2_000 },
    { name: "closed", address: { hostname: "127.0.0.1", port: freePort() }, timeout: 2_000 },
  ];
  const result = await collectTcp(fixtureHost({ options: { targets } }));
  (await listener.accept()).close();
  const { up, connect_ms } = of(result, "open");
  assert.ok(up === true && typeof connect_ms === "number" && connect_ms >= 0);
  assert.match(String(of(of(result, "closed"), "up").message), /refused/);
});

/** A name server that knows one name; answers as RFC 1035 has it. */
async function nameServer() {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const known = query.includes("\x05known");
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const head = new Uint8Array(12);
    head.set(query.subarray(0, 2));
    // an answer, recursion possible; "no such name" is 3
    head.set([0x81, known ? 0x80 : 0x83, 0, 1, 0, known ? 1 : 0], 2);
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7];
    const answer = new Uint8Array([...head, ...question, ...known ? record : []]);
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  return {
    port: socket.address().port,
    [Symbol.asyncDispose]: () => new Promise<void>((done) => socket.close(() => done())),
  };
}

Deno.test("dns_check: answers, what is missing among them, and names that do not exist", async () => {
  await using server = await nameServer();
  const common = {
    type: "A" as const,
    server: [{ hostname: "127.0.0.1", port: server.port }],
    timeout: 3_000,
  };
  const targets = [
    { ...common, name: "good", host: "known.example", expect: ["192.0.2.7"] },
    { ...common, name: "other", host: "known.example", expect: ["192.0.2.8"] },
    { ...common, name: "none", host: "none.example", expect: [] },
  ];
  const result = await collectDns(fixtureHost({ options: { targets } }));
  const { response_ms, ...good } = of(result, "good");
  assert.ok(typeof response_ms === "number");
  assert.deepEqual(good, { up: true, answers: 1 });
  const message = (name: string) => String(of(of(result, name), "up").message);
  assert.equal(message("other"), "192.0.2.8 is not among 192.0.2.7");
  assert.match(message("none"), /no record|no records|not found/i);
});

/** Recorded from nginx 1.22. */
const STUB_STATUS = "Active connections: 291 \nserver accepts handled requests\n" +
  " 16630948 16630940 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n";

Deno.test("nginx: the page of stub_status, and what is another page", async () => {
  const values = {
    active: 291,
    reading: 6,
    writing: 179,
    waiting: 106,
    accepted_total: 16_630_948,
    handled_total: 16_630_940,
    requests_total: 31_070_465,
  };
  assert.deepEqual(parseStubStatus(STUB_STATUS), values);
  await using server = webServer((request) =>
    new Response(request.url.endsWith("/status") ? STUB_STATUS : "Welcome to nginx!")
  );
  const targets = [
    { name: "good", url: `${server.url}status`, timeout: 2_000 },
    { name: "other", url: server.url, timeout: 2_000 },
  ];
  const result = await collectNginx(fixtureHost({ options: { targets } }));
  assert.deepEqual(of(result, "good"), { up: true, ...values });
  assert.equal(of(of(result, "other"), "up").message, "the page is not that of stub_status");
});

Deno.test("ping: what the program says at its end, on several systems", () => {
  const linux = "--- ::1 ping statistics ---\n" +
    "3 packets transmitted, 2 received, 33.3333% packet loss, time 2003ms\n" +
    "rtt min/avg/max/mdev = 0.045/0.050/0.055/0.004 ms\n";
  const times = { min_ms: 0.045, average_ms: 0.05, max_ms: 0.055 };
  assert.deepEqual(parsePing(linux), { up: true, loss_percent: 33.3333, ...times });
  const busybox = "3 packets transmitted, 3 packets received, 0% packet loss\n" +
    "round-trip min/avg/max = 0.045/0.050/0.055 ms\n";
  const macos = "3 packets transmitted, 3 packets received, 0.0% packet loss\n" +
    "round-trip min/avg/max/stddev = 0.045/0.050/0.055/0.004 ms\n";
  for (const text of [busybox, macos]) {
    assert.deepEqual(parsePing(text), { up: true, loss_percent: 0, ...times });
  }
  const lost = "3 packets transmitted, 0 received, 100% packet loss, time 2040ms\n";
  assert.deepEqual(parsePing(lost), { up: false, loss_percent: 100 });
  assert.equal(parsePing("ping: unknown host"), undefined);
});

Deno.test({
  name: "ping: the program is run for a host, and for nothing that would be an option",
  ignore: Deno.build.os === "windows",
  async fn() {
    // stands in for the system's own, which a bare machine does not have
    await using dir = await tempDir();
    const said =
      "2 packets transmitted, 2 received, 0% packet loss\nrtt min/avg/max/mdev = 1/2/3/0 ms";
    const script =
      `#!/bin/sh\n[ "$7" = a.example ] || { echo "/bin/ping: $7: unknown" >&2; exit 2; }\n` +
      `echo "${said}"\n`;
    await Deno.writeTextFile(dir.join("ping"), script, { mode: 0o755 });
    const path = Deno.env.get("PATH") ?? "";
    const targets = ["a.example", "b.example", "-f"].map((host) => ({
      name: host,
      host,
      count: 2,
    }));
    const collect = async () => Object(await collectPing(fixtureHost({ options: { targets } })));
    try {
      Deno.env.set("PATH", `${dir.path}:${path}`);
      assert.deepEqual(await collect(), {
        "a.example": { up: true, loss_percent: 0, min_ms: 1, average_ms: 2, max_ms: 3 },
        "b.example": { up: { value: false, message: "b.example: unknown" } },
        "-f": { up: { value: false, message: '"-f" is no name or address' } },
      });
      Deno.env.set("PATH", dir.join("none"));
      await assert.rejects(collect(), /ping is not installed/);
    } finally {
      Deno.env.set("PATH", path);
    }
  },
});
