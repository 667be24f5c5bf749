import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { selectToken } from "../../../db/tokens.ts";
import { makeLink, SessionBook } from "../../../server/access/session_book.ts";
import { TokenDesk } from "../../../server/access/token_desk.ts";
import { ask, required, tokenFor } from "../../support/access.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const PAGE = { "x-monitor-page": "1", "sec-fetch-site": "same-origin" };
const silence = { matchers: [{ label: "host", value: "x" }], duration_s: 60 };

async function login(app: TestApp, body: unknown) {
  const answer = await ask(app, "/api/v1/session", { method: "POST", body, headers: PAGE });
  const cookie = answer.headers.get("set-cookie") ?? "";
  return { ...answer, cookie, sent: cookie.split(";")[0] ?? "" };
}

Deno.test("session: a token becomes a cookie that scripts and other sites have nothing of", async () => {
  await using app = await testApp(required);
  const token = await tokenFor(app, "operator");
  assert.deepEqual((await ask(app, "/api/v1/session")).body, {
    ...{ mode: "required", who: null, role: null },
  });
  assert.equal((await login(app, { token: "mon_nonsense" })).status, 401);
  const { status, body, cookie, sent } = await login(app, { token });
  assert.equal(status, 200);
  assert.deepEqual(body, { mode: "required", who: "a operator", role: "operator" });
  assert.match(cookie, /^monitor_session=[\w-]{43};.*HttpOnly/);
  assert.match(cookie, /SameSite=Strict/);
  assert.ok(!cookie.includes(token));
  const as = (headers: Record<string, string>) => ({ headers: { cookie: sent, ...headers } });
  assert.equal((await ask(app, "/fetch/hosts", as({}))).status, 200);
  const post = { method: "POST", body: silence };
  // what a page of another site can make a browser send
  const foreign: Record<string, string>[] = [{}, {
    "sec-fetch-site": "cross-site",
    "x-monitor-page": "1",
  }];
  for (const headers of foreign) {
    assert.equal((await ask(app, "/api/v1/silences", { ...post, ...as(headers) })).status, 403);
  }
  assert.equal((await ask(app, "/aggregate", as({}))).status, 403);
  assert.equal((await ask(app, "/api/v1/silences", { ...post, ...as(PAGE) })).status, 201);
  assert.equal((await ask(app, "/api/v1/tokens", as(PAGE))).status, 403);
  const out = await ask(app, "/api/v1/session", { method: "DELETE", ...as(PAGE) });
  assert.match(out.headers.get("set-cookie") ?? "", /Max-Age=0/);
  assert.equal((await ask(app, "/fetch/hosts", as({}))).status, 401);
});

Deno.test("session: ends with its time", async () => {
  const clock = new FakeClock(systemClock.now());
  await using app = await testApp({ ...required, clock });
  const token = await tokenFor(app, "viewer");
  const row = await selectToken(app.database.sql, token.slice(0, 12));
  assert.ok(row !== undefined);
  const book = new SessionBook({ sql: app.database.sql, clock, session_ms: 5_000 });
  const session = await book.open(row.id);
  assert.equal((await book.find(session))?.label, "a viewer");
  await clock.advance(5_001);
  assert.equal(await book.find(session), undefined);
});

Deno.test("session: ends with its token", async () => {
  const clock = new FakeClock(systemClock.now());
  await using app = await testApp({ ...required, clock });
  const token = await tokenFor(app, "viewer");
  const { sent } = await login(app, { token });
  const headers = { cookie: sent };
  assert.equal((await ask(app, "/fetch/hosts", { headers })).status, 200);
  await new TokenDesk({ sql: app.database.sql, clock }).revoke(token.slice(0, 12));
  // whoever sets the clock back meanwhile
  clock.set(clock.now() - 3_600_000);
  await clock.advance(2_000);
  assert.equal((await ask(app, "/fetch/hosts", { headers })).status, 401);
});

Deno.test("session: a link logs in once, and not for long; an agent never", async () => {
  const clock = new FakeClock(systemClock.now());
  await using app = await testApp({ ...required, clock });
  const { sql } = app.database;
  const token = await tokenFor(app, "viewer");
  const row = await selectToken(sql, token.slice(0, 12));
  assert.ok(row !== undefined);
  const link = await makeLink({ sql, clock }, row.id);
  assert.equal((await login(app, { link })).status, 200);
  assert.equal((await login(app, { link })).status, 401);
  const early = new FakeClock(clock.now() - 10 * 60_000 - 1);
  const late = await makeLink({ sql, clock: early }, row.id);
  assert.equal((await login(app, { link: late })).status, 401);
  const agent = await tokenFor(app, "agent");
  const refused = await login(app, { token: agent });
  assert.equal(refused.status, 403);
  assert.match(refused.body.error, /agent/);
});

Deno.test("session: an open server asks nobody to log in", async () => {
  await using app = await testApp();
  const { body } = await ask(app, "/api/v1/session");
  assert.deepEqual(body, { mode: "open", who: "open", role: "admin" });
});
