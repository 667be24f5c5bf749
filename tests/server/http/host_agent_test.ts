/** What agents say about themselves, kept with their hosts. */
import assert from "node:assert/strict";
import { testApp } from "../../support/test_app.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const AGENT = {
  ...{ version: "1.0.0", os: "Debian", kernel: "6.12", arch: "x86_64" },
  collectors: [{
    ...{ name: "disk", origin: "shipped", every_s: 10, timeout_s: 5, permissions: "none" },
    error: null,
  }],
};

Deno.test("GET /api/v1/hosts/<host>/agent has what the agent said last, told once or in each report", async () => {
  const clock = new FakeClock();
  await using app = await testApp({ clock });
  let at_s = clock.now() / 1000 - 100;
  const send = async (more: Record<string, unknown>) => {
    const { status, body } = await app.post({
      ...{ hostname: "web-1", timestamp: at_s++, metrics: { x: 1 } },
      ...more,
    });
    assert.equal(status, 200, JSON.stringify(body));
  };
  const agent = async () => (await app.get("/api/v1/hosts/web-1/agent")).body.agent;
  await send({});
  assert.equal(await agent(), null);
  await send({ agent: AGENT });
  assert.deepEqual(await agent(), AGENT);
  await send({});
  // the text of these two is known by now; what it says is not what is stored
  for (const version of ["1.0.0", "2.0.0", "1.0.0", "2.0.0", "1.0.0"]) {
    await send({ agent: { ...AGENT, version } });
    assert.equal((await agent()).version, version);
  }
  await send({ tags: { role: "web" } });
  assert.deepEqual(await agent(), AGENT);
  // a field of this name meant nothing before: nobody is refused for it
  await send({ agent: "curl" });
  await send({ agent: { ...AGENT, os: "x".repeat(1_000) } });
  assert.deepEqual(await agent(), AGENT);
  assert.equal((await app.get("/api/v1/hosts/none/agent")).status, 404);
});
