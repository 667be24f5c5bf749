/** Silences and parents over HTTP, on a real server. */
import assert from "node:assert/strict";
import { silencesSchema } from "../../../server/wire/silence.ts";
import { send } from "../../support/asking.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";

const NOW_S = Date.UTC(2025, 0, 15, 12) / 1000;

Deno.test("/api/v1/silences: made, listed, ended; faults name the field", async () => {
  await using app = await testApp({ clock: new FakeClock(NOW_S * 1000) });
  const wanted = {
    matchers: [{ label: "rule", op: "~", value: "disk*" }, { label: "host", value: "web-1" }],
    duration_s: 600,
    note: "known",
    created_by: "ann",
  };
  const made = await send(app, "POST", "/api/v1/silences", wanted);
  assert.equal(made.status, 201);
  assert.deepEqual(made.body, {
    id: 1,
    matchers: [wanted.matchers[0], { label: "host", op: "=", value: "web-1" }],
    start: NOW_S,
    end: NOW_S + 600,
    note: "known",
    created_by: "ann",
  });
  const { body } = await app.get("/api/v1/silences");
  assert.deepEqual(silencesSchema.strict().parse(body).silences, [made.body]);
  assert.equal((await send(app, "DELETE", "/api/v1/silences/1")).status, 200);
  assert.deepEqual((await app.get("/api/v1/silences")).body, { silences: [] });
  const again = await send(app, "DELETE", "/api/v1/silences/1");
  assert.deepEqual([again.status, again.body.error], [
    404,
    "Cannot find a silence 1 that is not over",
  ]);
  const cases: [object, RegExp][] = [
    [{ ...wanted, matchers: [] }, /matchers must have at least one/],
    [{ matchers: wanted.matchers }, /must have either end or duration_s/],
    [{ ...wanted, duration_s: undefined, end: 5 }, /in the future/],
    [{ ...wanted, matchers: [{ label: "a", op: "=~", value: "" }] }, /op must be one of/],
  ];
  for (const [given, message] of cases) {
    const refused = await send(app, "POST", "/api/v1/silences", given);
    assert.equal(refused.status, 400);
    assert.match(refused.body.error, message);
  }
});

Deno.test("/api/v1/parents: what is behind what, and nothing behind itself", async () => {
  await using app = await testApp({ clock: new FakeClock(NOW_S * 1000) });
  await app.post(
    ["switch", "web-1", "web-2"].map((hostname) => ({ hostname, metrics: { up: 1 } })),
  );
  const set = async (host: string, parents: string[]) =>
    await send(app, "PUT", `/api/v1/parents/${host}`, { parents });
  assert.deepEqual((await set("web-1", ["switch"])).body, { parents: { "web-1": ["switch"] } });
  await set("web-2", ["web-1", "switch"]);
  assert.deepEqual((await app.get("/api/v1/parents")).body.parents["web-2"].sort(), [
    "switch",
    "web-1",
  ]);
  const ring = await set("switch", ["web-2"]);
  assert.equal(ring.status, 400);
  assert.match(
    ring.body.error,
    /no host can be behind itself: switch behind web-2 behind .*switch$/,
  );
  assert.equal((await set("switch", ["switch"])).status, 400);
  assert.equal((await set("web-9", ["switch"])).status, 404);
  assert.equal((await set("web-1", ["router"])).status, 404);
  assert.deepEqual((await set("web-2", [])).body, { parents: { "web-1": ["switch"] } });
});
