/** Signed reports: what is taken, and what is not. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { signing } from "../../../agent/credential.ts";
import { Nonces, SIGNATURE_MS } from "../../../server/access/nonces.ts";
import {
  bodyHash,
  isSignedBy,
  readSignature,
  type Signed,
  signedHeader,
} from "../../../signature.ts";
import { makeToken } from "../../../token.ts";
import { ask, tokenFor } from "../../support/access.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const signedArbitrary: fc.Arbitrary<Signed> = fc.record({
  name: fc.constantFrom("mon_abcdefgh", "mon_22222222", "mon_zzzzzzzz"),
  time_ms: fc.nat({ max: 999_999_999_999_999 }),
  nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) =>
    bytes.toBase64({ alphabet: "base64url", omitPadding: true })
  ),
  body_hash: fc.string().map(bodyHash),
});
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

Deno.test("a signed header is read back as it was, and is right with its key alone", () => {
  fc.assert(fc.property(signedArbitrary, key, key, (signed, one, other) => {
    const read = readSignature(signedHeader(signed, one));
    assert.ok(read !== undefined);
    const { signature: _, ...rest } = read;
    assert.deepEqual(rest, { ...signed });
    assert.ok(isSignedBy(read, one));
    assert.equal(isSignedBy(read, other), bodyHash(one) === bodyHash(other));
  }));
});

Deno.test("no two different requests have one signature", () => {
  fc.assert(fc.property(signedArbitrary, signedArbitrary, key, (a, b, by) => {
    const read = readSignature(signedHeader(a, by));
    const isSame = JSON.stringify(a) === JSON.stringify(b);
    for (const field of ["name", "time_ms", "nonce", "body_hash"] as const) {
      const mixed = { ...a, [field]: b[field] };
      const right = isSignedBy({ ...mixed, signature: read?.signature ?? "" }, by);
      assert.equal(right, isSame || a[field] === b[field], field);
    }
  }));
});

Deno.test("readSignature() takes nothing else for one", () => {
  const header = signedHeader({
    ...{ name: "mon_abcdefgh", time_ms: 1, nonce: "a".repeat(22), body_hash: bodyHash("") },
  }, new Uint8Array(32));
  assert.ok(readSignature(header));
  for (
    const other of ["", header.slice(1), `${header} `, header.replace("mon_", "x"), "Bearer x"]
  ) {
    assert.equal(readSignature(other), undefined, other);
  }
  fc.assert(fc.property(fc.string(), (other) => readSignature(other) === undefined));
});

Deno.test("Nonces takes each once as long as its time counts, and forgets it then", () => {
  const nonces = new Nonces({ per_token: 2, all: 3 });
  const take = (token_id: number, nonce: string, time_ms: number, now_ms = time_ms) =>
    nonces.take({ token_id, nonce, time_ms }, now_ms);
  assert.equal(take(1, "a", 0), "fresh");
  assert.equal(take(1, "a", 0, SIGNATURE_MS), "used");
  assert.equal(take(2, "a", 0), "fresh");
  assert.equal(take(1, "b", 0), "fresh");
  assert.equal(take(1, "c", 0), "token full");
  assert.equal(take(3, "a", 0), "all full");
  assert.equal(nonces.size, 3);
  const later_ms = SIGNATURE_MS + 60_000;
  assert.equal(take(1, "c", later_ms), "fresh");
  assert.equal(nonces.size, 1);
});

Deno.test("Nonces is never larger than it may, and never takes one twice", () => {
  const step = fc.record({
    token_id: fc.nat({ max: 3 }),
    nonce: fc.constantFrom("a", "b", "c", "d"),
    // of the signature, against the server's clock
    off_ms: fc.integer({ min: -SIGNATURE_MS, max: SIGNATURE_MS }),
    pause_ms: fc.nat({ max: 120_000 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const nonces = new Nonces({ per_token: 3, all: 7 });
    const taken = new Set<string>();
    let now_ms = 1_000_000;
    for (const { token_id, nonce, off_ms, pause_ms } of steps) {
      now_ms += pause_ms;
      const time_ms = now_ms + off_ms;
      const key = `${token_id} ${nonce} ${time_ms}`;
      const verdict = nonces.take({ token_id, nonce, time_ms }, now_ms);
      if (verdict === "fresh") assert.ok(!taken.has(key));
      if (verdict === "fresh") taken.add(key);
      assert.ok(nonces.size <= 7);
    }
  }));
});

const REPORT = JSON.stringify({ hostname: "web-1", metrics: { cpu: 1 } });

async function start(signatures = true): Promise<TestApp & { token: string }> {
  const config = { access: { mode: "required", signatures } };
  const app = await testApp({ config, clock: new FakeClock() });
  return Object.assign(app, { token: await tokenFor(app, "agent", { hostname: "web-1" }) });
}

function sign(token: string, body: string | Uint8Array, now_ms: number): Record<string, string> {
  return { authorization: signing(token)?.authorization({ body, now_ms }) ?? "" };
}

Deno.test("a signed report is stored, plain and packed, small and large", async () => {
  await using app = await start();
  const { token, clock } = app;
  const metrics = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`metric_${i}`, i]));
  const large = JSON.stringify({ hostname: "web-1", timestamp: 1_735_000_000, metrics });
  assert.ok(large.length > 64 * 1024);
  const packed = new Uint8Array(gzipSync(JSON.stringify([
    { hostname: "web-1", timestamp: 1_735_000_001, metrics: { cpu: 1 } },
  ])));
  for (const body of [REPORT, large]) {
    assert.equal((await app.post(body, sign(token, body, clock.now()))).status, 200);
  }
  const zipped = { "content-encoding": "gzip" };
  const { status } = await app.post(packed, { ...sign(token, packed, clock.now()), ...zipped });
  assert.equal(status, 200);
  // one byte more, as it travels
  const spoilt = new Uint8Array([...packed, 0]);
  const bad = await app.post(spoilt, { ...sign(token, packed, clock.now()), ...zipped });
  assert.deepEqual([bad.status, /not the one that was signed/.test(bad.body.error)], [401, true]);
  const other = JSON.stringify({ hostname: "web-2", metrics: { cpu: 1 } });
  assert.equal((await app.post(other, sign(token, other, clock.now()))).status, 403);
  assert.equal(app.server.counters.stored, 3);
});

Deno.test("a signature is refused: body, time, replay, key, name, role, place, form", async () => {
  await using app = await start();
  const { token, clock } = app;
  const admin = await tokenFor(app, "admin");
  const now_ms = clock.now();
  const used = sign(token, REPORT, now_ms);
  assert.equal((await app.post(REPORT, used)).status, 200);
  const forged = `${token.slice(0, 13)}${makeToken().text.slice(13)}`;
  const refused: [RegExp, string, Record<string, string>][] = [
    [/used before/, REPORT, used],
    [/not the one that was signed/, `${REPORT} `, sign(token, REPORT, now_ms)],
    [/301 s from the server's/, REPORT, sign(token, REPORT, now_ms + SIGNATURE_MS + 1_000)],
    [/-301 s from the server's/, REPORT, sign(token, REPORT, now_ms - SIGNATURE_MS - 1_000)],
    [/not one by an agent's token/, REPORT, sign(forged, REPORT, now_ms)],
    [/not one by an agent's token/, REPORT, sign(makeToken().text, REPORT, now_ms)],
    [/not one by an agent's token/, REPORT, sign(admin, REPORT, now_ms)],
    [/it must be MonitorSignature name=/, REPORT, { authorization: "MonitorSignature x" }],
    // the name alone is no token
    [/unknown, has expired/, REPORT, { authorization: `Bearer ${token.slice(0, 12)}` }],
  ];
  for (const [wanted, body, headers] of refused) {
    const answer = await app.post(body, headers);
    assert.equal(answer.status, 401, String(wanted));
    assert.match(answer.body.error, wanted);
  }
  for (const path of ["/fetch/hosts", "/api/v1/tokens"]) {
    const headers = sign(token, "", now_ms);
    const { status, body } = await ask(app, path, { headers });
    assert.deepEqual([status, /only POST \/metrics/.test(body.error)], [401, true]);
  }
  assert.equal(app.server.counters.stored, 1);
});

Deno.test("signatures are taken only where the setting says so, and not after the token's end", async () => {
  await using app = await start(false);
  const { status, body } = await app.post(REPORT, sign(app.token, REPORT, app.clock.now()));
  assert.deepEqual([status, /set access\.signatures to true/.test(body.error)], [403, true]);
  await using other = await start();
  const { token, clock } = other;
  const send = () => other.post(REPORT, sign(token, REPORT, clock.now()));
  assert.equal((await send()).status, 200);
  const admin = await tokenFor(other, "admin");
  const path = `/api/v1/tokens/${token.slice(0, 12)}`;
  assert.equal((await ask(other, path, { token: admin, method: "DELETE" })).status, 200);
  assert.equal((await send()).status, 401);
});
