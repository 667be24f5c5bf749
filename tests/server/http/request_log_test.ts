/** Requests and their ids, in answers and in the log. */
import assert from "node:assert/strict";
import { createLogger } from "../../../log.ts";
import { logged, noteAsker, requestId } from "../../../server/http/request_log.ts";
import { testApp } from "../../support/test_app.ts";

const INFO = {
  remoteAddr: { transport: "tcp", hostname: "10.0.0.7", port: 4711 },
  completed: Promise.resolve(),
} as const;

/** What is told of requests to a handler that answers with the status its path names. */
function told(requests: "none" | "failed" | "all") {
  const lines: Record<string, unknown>[] = [];
  const settings: { requests: "none" | "failed" | "all" } = { requests };
  let now_ms = 0;
  const handle = logged((request) => {
    now_ms += 12.34;
    noteAsker(request, "ops");
    return new Response(null, { status: Number(new URL(request.url).pathname.slice(1)) });
  }, {
    settings,
    clock: { monotonic: () => now_ms },
    log: createLogger({
      level: "info",
      format: "json",
      now: () => 0,
      write: (line) => lines.push(JSON.parse(line)),
    }),
  });
  const ask = (path: string, headers = {}) =>
    handle(new Request(`http://localhost${path}`, { headers }), INFO);
  return { lines, settings, ask };
}

Deno.test("logged(): a request is told with who asked, from where, how long it took and its id", async () => {
  const { lines, settings, ask } = told("all");
  await ask("/200?metrics=secret", { "x-request-id": "abc-1" });
  assert.deepEqual(lines, [{
    at: "1970-01-01T00:00:00.000Z",
    level: "info",
    msg: "request",
    method: "GET",
    path: "/200",
    status: 200,
    took_ms: 12.3,
    client: "10.0.0.7",
    who: "ops",
    request_id: "abc-1",
  }]);
  settings.requests = "failed";
  await ask("/399");
  await ask("/404");
  settings.requests = "none";
  await ask("/500");
  assert.deepEqual(lines.map(({ status }) => status), [200, 404]);
});

Deno.test("requestId(): one for each request; what a proxy made is kept, if it is harmless", () => {
  const request = (id?: string) =>
    new Request("http://localhost/", { headers: id === undefined ? {} : { "x-request-id": id } });
  const own = request();
  assert.equal(requestId(own), requestId(own));
  assert.notEqual(requestId(own), requestId(request()));
  assert.match(requestId(own), /^[0-9a-f]{8}-[0-9a-z]+$/);
  const trace = "Root=1-67891233-abcdef012345678912345678";
  assert.equal(requestId(request(trace)), trace);
  for (const odd of ["a b", "x".repeat(129), "<b>", "é"]) {
    assert.match(requestId(request(odd)), /^[0-9a-f]{8}-/);
  }
});

Deno.test("answers have the id of their request, errors too; a stored report has none", async () => {
  await using app = await testApp();
  const id = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(app.url + path, init);
    await response.body?.cancel();
    return response.headers.get("x-request-id");
  };
  const headers = { "x-request-id": "from-proxy" };
  assert.equal(await id("/fetch/hosts", { headers }), "from-proxy");
  assert.equal(await id("/nothing/here", { headers }), "from-proxy");
  assert.equal(await id("/metrics", { method: "POST", body: "{", headers }), "from-proxy");
  assert.match(await id("/api/v1/alerts") ?? "", /^[0-9a-f]{8}-[0-9a-z]+$/);
  const report = JSON.stringify({ hostname: "a", metrics: { load: 1 } });
  assert.equal(await id("/metrics", { method: "POST", body: report, headers }), null);
});
