/** Join codes over HTTP: who gets a token by one, and who does not. */
import assert from "node:assert/strict";
import { JoinDesk, joinRefusal } from "../../../server/access/join_desk.ts";
import { makeJoinCode, makeToken } from "../../../token.ts";
import { ask, bearer, required, tokenFor } from "../../support/access.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const MINUTE_MS = 60_000;
const report = (hostname: string) => ({ hostname, metrics: { cpu: 1 } });

function join(app: TestApp, body: Record<string, unknown>) {
  return ask(app, "/api/v1/join", { method: "POST", body });
}

async function codeFor(
  { database: { sql }, clock }: TestApp,
  { hostname = null, uses = 1 }: { hostname?: string | null; uses?: number } = {},
): Promise<string> {
  const desk = new JoinDesk({ sql, clock });
  return (await desk.create({ hostname, uses, expires_in_ms: MINUTE_MS, created_by: "t" })).text;
}

Deno.test("joinRefusal() says why a code is of no use, and what to do", () => {
  const code = {
    ...{ id: 1, name: "join_abcdefgh", hostname: null, uses: 2, uses_left: 1, created_ms: 0 },
    ...{ created_by: "t", expires_ms: 100, revoked_ms: null },
  };
  const at = { hostname: "web-1", now_ms: 99 };
  assert.equal(joinRefusal({ code, has_token: false }, at), undefined);
  assert.equal(
    joinRefusal({ code: { ...code, hostname: "web-1" }, has_token: true }, at),
    undefined,
  );
  const refused: [RegExp, Parameters<typeof joinRefusal>[0]][] = [
    [/forgotten; make another/, { code: undefined, has_token: false }],
    [/taken back; make another/, { code: { ...code, revoked_ms: 1 }, has_token: false }],
    [/expired; make another/, { code: { ...code, expires_ms: 99 }, has_token: false }],
    [/used 2 times/, { code: { ...code, uses_left: 0 }, has_token: false }],
    [/for host "web-2", not "web-1"/, { code: { ...code, hostname: "web-2" }, has_token: false }],
    [/has a token already.*join-code --hostname "web-1"/, { code, has_token: true }],
  ];
  for (const [wanted, facts] of refused) assert.match(joinRefusal(facts, at) ?? "", wanted);
});

Deno.test("join: a code gives a token for its host, once, and an entry in the audit log", async () => {
  await using app = await testApp(required);
  const admin = await tokenFor(app, "admin");
  const made = await ask(app, "/api/v1/join-codes", {
    token: admin,
    method: "POST",
    body: { hostname: "web-1", expires_in: "1h" },
  });
  assert.equal(made.status, 201);
  const { code, name } = made.body;
  const other = await join(app, { code, hostname: "web-2" });
  assert.equal(other.status, 403);
  assert.match(other.body.error, /for host "web-1", not "web-2"/);
  const { status, headers, body } = await join(app, { code, hostname: "web-1" });
  assert.deepEqual([status, body.hostname], [201, "web-1"]);
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal((await app.post(report("web-1"), bearer(body.token))).status, 200);
  assert.equal((await app.post(report("web-2"), bearer(body.token))).status, 403);
  const again = await join(app, { code, hostname: "web-1" });
  assert.deepEqual([again.status, /was used once/.test(again.body.error)], [403, true]);
  const { body: listed } = await ask(app, "/api/v1/join-codes", { token: admin });
  assert.deepEqual(
    listed.join_codes.map((one: Record<string, unknown>) => [one.name, one.uses_left]),
    [[name, 0]],
  );
  const { body: audit } = await ask(app, "/api/v1/audit", { token: admin });
  assert.deepEqual(
    audit.entries.map((entry: Record<string, unknown>) => [entry.who, entry.target]),
    [[name, "/api/v1/join"], ["a admin", "/api/v1/join-codes"]],
  );
  assert.equal(
    audit.entries[0].detail,
    JSON.stringify({ hostname: "web-1", token: body.name }),
  );
  const told = JSON.stringify([listed, audit]) + app.log_lines.join("");
  assert.ok(!told.includes(code) && !told.includes(body.token), "a secret is shown");
});

Deno.test("join: of many agents at once with one code exactly one gets in", async () => {
  await using app = await testApp(required);
  const code = await codeFor(app);
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => join(app, { code, hostname: `web-${i}` })),
  );
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array(7).fill(403)]);
});

Deno.test("join: of agents with one name exactly one gets in by codes for any host", async () => {
  await using app = await testApp(required);
  const codes = await Promise.all([1, 2, 3, 4].map(() => codeFor(app)));
  const answers = await Promise.all(codes.map((code) => join(app, { code, hostname: "web-1" })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 403, 403, 403]);
});

Deno.test("join: asked again with its own token an agent gets the same, and no use is taken", async () => {
  await using app = await testApp(required);
  const code = await codeFor(app);
  const token = makeToken().text;
  const answers = await Promise.all(
    [1, 2, 3].map(() => join(app, { code, hostname: "web-1", token })),
  );
  for (const { status, body } of answers) {
    assert.deepEqual([status, body.token], [201, undefined]);
  }
  assert.equal((await app.post(report("web-1"), bearer(token))).status, 200);
  const stolen = token.replace(/.$/, (last) => last === "A" ? "B" : "A");
  const refused = await join(app, { code, hostname: "web-1", token: stolen });
  assert.deepEqual([refused.status, /make a new one/.test(refused.body.error)], [403, true]);
  const weak = await join(app, { code, hostname: "web-1", token: "mon_abcdefgh_1" });
  assert.equal(weak.status, 400);
  assert.match(weak.body.error, /token must look like a token/);
});

Deno.test("join: a code for the host replaces what it has got by codes, and nothing else", async () => {
  await using app = await testApp(required);
  const by_hand = await tokenFor(app, "agent", { hostname: "web-1" });
  const first = await join(app, {
    code: await codeFor(app, { hostname: "web-1" }),
    hostname: "web-1",
  });
  assert.equal((await app.post(report("web-1"), bearer(first.body.token))).status, 200);
  const any = await join(app, { code: await codeFor(app), hostname: "web-1" });
  assert.deepEqual([any.status, /has a token already/.test(any.body.error)], [403, true]);
  const code = await codeFor(app, { hostname: "web-1" });
  const second = await join(app, { code, hostname: "web-1" });
  assert.equal(second.status, 201);
  const sent = async (token: string) => (await app.post(report("web-1"), bearer(token))).status;
  assert.deepEqual(
    [await sent(first.body.token), await sent(second.body.token), await sent(by_hand)],
    [401, 200, 200],
  );
});

Deno.test("join: an expired or revoked code is told so; a wrong one is counted as guessing", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ ...required, clock });
  const code = await codeFor(app);
  const revoked = await codeFor(app);
  await new JoinDesk({ sql: app.database.sql, clock }).revoke(revoked.slice(0, 13));
  const gone = await join(app, { code: revoked, hostname: "web-1" });
  assert.match(gone.body.error, /it was taken back; make another one/);
  await clock.advance(MINUTE_MS);
  const late = await join(app, { code, hostname: "web-1" });
  assert.deepEqual([late.status, /has expired/.test(late.body.error)], [403, true]);
  const statuses: number[] = [];
  for (let guess = 0; guess < 11; guess++) {
    statuses.push((await join(app, { code: makeJoinCode().text, hostname: "web-1" })).status);
  }
  assert.deepEqual(statuses, [...Array(10).fill(401), 429]);
});
