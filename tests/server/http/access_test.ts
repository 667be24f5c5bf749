import assert from "node:assert/strict";
import { TokenDesk } from "../../../server/access/token_desk.ts";
import { systemClock } from "../../../clock.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ask, bearer, required, tokenFor } from "../../support/access.ts";
import { testApp } from "../../support/test_app.ts";

const report = (hostname: string) => ({ hostname, metrics: { cpu: 1 } });

Deno.test("tokens: who has none is told so, a wrong one is refused, a right one lets in", async () => {
  await using app = await testApp(required);
  const none = await ask(app, "/fetch/hosts");
  assert.equal(none.status, 401);
  assert.match(none.body.error, /Authorization: Bearer/);
  assert.match(none.headers.get("www-authenticate") ?? "", /^Bearer/);
  const viewer = await tokenFor(app, "viewer");
  for (
    const token of [
      "x",
      `${viewer}x`,
      viewer.replace(/.$/, (last) => last === "A" ? "B" : "A"),
    ]
  ) {
    const { status, body } = await ask(app, "/fetch/hosts", { token });
    assert.equal(status, 401, token);
    assert.doesNotMatch(JSON.stringify(body), /mon_/);
  }
  assert.equal((await ask(app, "/fetch/hosts", { token: viewer })).status, 200);
  const denied = await ask(app, "/api/v1/silences/1", { token: viewer, method: "DELETE" });
  assert.equal(denied.status, 403);
  assert.match(denied.body.error, /"viewer".*"operator"/);
  assert.equal((await ask(app, "/health")).status, 200);
  assert.doesNotMatch(app.log_lines.join("\n"), new RegExp(viewer));
});

Deno.test("tokens: an agent writes for its own host, and reads nothing", async () => {
  await using app = await testApp(required);
  const agent = await tokenFor(app, "agent", { hostname: "web-1" });
  for (let again = 0; again < 2; again++) {
    const { status } = await app.post({ ...report("web-1"), timestamp: 1_800_000_000 + again });
    assert.equal(status, 401);
    assert.equal((await app.post(report("web-1"), bearer(agent))).status, 200);
    const other = await app.post(report("web-2"), bearer(agent));
    assert.equal(other.status, 403);
    assert.match(other.body.error, /hostname must be "web-1"/);
  }
  const mixed = await app.post([report("web-2"), report("web-1")], bearer(agent));
  assert.equal(mixed.status, 207);
  assert.equal(mixed.body.stored, 1);
  assert.deepEqual(mixed.body.refused.map(({ index }: { index: number }) => index), [0]);
  assert.equal((await ask(app, "/fetch/latest", { token: agent })).status, 403);
  const anywhere = await tokenFor(app, "agent");
  assert.equal((await app.post(report("web-3"), bearer(anywhere))).status, 200);
  const admin = await tokenFor(app, "admin");
  const { body } = await ask(app, "/fetch/hosts", { token: admin });
  assert.deepEqual(body.map(({ hostname }: { hostname: string }) => hostname), ["web-1", "web-3"]);
  const { received, stored, refused } = app.server.counters;
  assert.equal(received, stored + refused);
});

Deno.test("tokens: made, listed and taken back over HTTP, with an entry in the audit log", async () => {
  await using app = await testApp(required);
  const admin = await tokenFor(app, "admin");
  const made = await ask(app, "/api/v1/tokens", {
    token: admin,
    method: "POST",
    body: { role: "operator", label: "Ada", expires_in: "90d" },
  });
  assert.equal(made.status, 201);
  const { token, name, expires } = made.body;
  assert.ok(expires > app.clock.now() / 1000 + 89 * 86_400);
  assert.equal((await ask(app, "/api/v1/tokens", { token })).status, 403);
  const { body: listed } = await ask(app, "/api/v1/tokens?limit=1", { token: admin });
  assert.equal(listed.tokens[0].name, name);
  assert.equal(listed.tokens[0].token, undefined);
  const { body: second } = await ask(app, `/api/v1/tokens?after=${listed.next}`, { token: admin });
  assert.deepEqual(second.tokens.map(({ label }: { label: string }) => label), ["a admin"]);
  const silence = { matchers: [{ label: "host", value: "x" }], duration_s: 60 };
  const said = await ask(app, "/api/v1/silences", { token, method: "POST", body: silence });
  assert.equal(said.status, 201);
  const gone = await ask(app, `/api/v1/tokens/${name}`, { token: admin, method: "DELETE" });
  assert.equal(gone.status, 200);
  assert.equal((await ask(app, "/fetch/hosts", { token })).status, 401);
  const again = await ask(app, "/api/v1/tokens/mon_none", { token: admin, method: "DELETE" });
  assert.equal(again.status, 404);
  const { body: audit } = await ask(app, "/api/v1/audit", { token: admin });
  assert.deepEqual(
    audit.entries.map(({ who, action, target }: Record<string, string>) => [who, action, target]),
    [
      ["a admin", "DELETE /api/v1/tokens/:name", `/api/v1/tokens/${name}`],
      ["Ada", "POST /api/v1/silences", "/api/v1/silences"],
      ["a admin", "POST /api/v1/tokens", "/api/v1/tokens"],
    ],
  );
  assert.deepEqual(JSON.parse(audit.entries[1].detail), silence);
  assert.ok(!JSON.stringify(audit).includes(token));
  assert.equal(audit.entries[0].address, "127.0.0.1");
});

Deno.test("tokens: one taken back elsewhere is of no use seconds later, one expired at once", async () => {
  const clock = new FakeClock(systemClock.now());
  await using app = await testApp({ ...required, clock });
  const viewer = await tokenFor(app, "viewer");
  const short = await tokenFor(app, "viewer", { expires_in_ms: 10_000 });
  assert.equal((await ask(app, "/fetch/hosts", { token: viewer })).status, 200);
  assert.equal((await ask(app, "/fetch/hosts", { token: short })).status, 200);
  // as another server does, whose clock is an hour behind
  const behind = new FakeClock(clock.now() - 3_600_000);
  await new TokenDesk({ sql: app.database.sql, clock: behind }).revoke(viewer.slice(0, 12));
  const isTaken = async () => (await ask(app, "/fetch/hosts", { token: viewer })).status === 200;
  await clock.advance(3_000);
  // the book has asked the database, which answers in its own time
  for (let i = 0; i < 600 && await isTaken(); i++) await systemClock.sleep(10);
  assert.equal(await isTaken(), false);
  assert.equal((await ask(app, "/fetch/hosts", { token: short })).status, 200);
  await clock.advance(11_000);
  assert.equal((await ask(app, "/fetch/hosts", { token: short })).status, 401);
});

Deno.test("tokens: who guesses is slowed, who is known is not", async () => {
  const clock = new FakeClock(systemClock.now());
  await using app = await testApp({ ...required, clock });
  const viewer = await tokenFor(app, "viewer");
  assert.equal((await ask(app, "/fetch/hosts", { token: viewer })).status, 200);
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const { status, headers } = await ask(app, "/fetch/hosts", { token: `guess-${i}` });
    statuses.push(status);
    assert.equal(headers.get("retry-after") !== null, status === 429);
  }
  assert.deepEqual(new Set(statuses.slice(0, 10)), new Set([401]));
  assert.deepEqual(new Set(statuses.slice(10)), new Set([429]));
  assert.equal((await ask(app, "/fetch/hosts", { token: viewer })).status, 200);
  // a right one that this server has not seen before, from the same address
  const agent = await tokenFor(app, "agent", { hostname: "web-1" });
  assert.equal((await ask(app, "/fetch/hosts", { token: `${agent.slice(0, -3)}xyz` })).status, 429);
  assert.equal((await app.post(report("web-1"), bearer(agent))).status, 200);
  // a clock that is set back locks nobody out for as long
  clock.set(clock.now() - 3_600_000);
  await clock.advance(2_000);
  assert.equal((await ask(app, "/fetch/hosts", { token: "guess-12" })).status, 401);
});

Deno.test("an open server takes tokens for granted, and still writes down what is changed", async () => {
  await using app = await testApp();
  assert.equal((await ask(app, "/fetch/hosts", { token: "nonsense" })).status, 200);
  const silence = { matchers: [{ label: "host", value: "x" }], duration_s: 60 };
  await ask(app, "/api/v1/silences", { method: "POST", body: silence });
  await ask(app, "/api/v1/silences", { method: "POST", body: { matchers: [] } });
  const { body } = await ask(app, "/api/v1/audit");
  assert.deepEqual(body.entries.map(({ who }: { who: string }) => who), ["open"]);
});
