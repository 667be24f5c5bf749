import assert from "node:assert/strict";
import fc from "fast-check";
import { Buckets } from "../../../server/http/rate.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";

Deno.test("Buckets let a client send its rate over any time, and ten seconds of it at once", () => {
  const sends = fc.array(
    fc.record({ pause_ms: fc.nat(3_000), count: fc.integer({ min: 1, max: 5 }) }),
    { minLength: 1, maxLength: 200 },
  );
  fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), sends, (rate, all) => {
    const buckets = new Buckets(() => rate);
    let [now_ms, taken] = [0, 0];
    for (const { pause_ms, count } of all) {
      now_ms += pause_ms;
      const wait_ms = buckets.waitMs("a", now_ms);
      if (wait_ms > 0) {
        // it is told the truth: not a moment longer than it takes
        assert.equal(buckets.waitMs("a", now_ms + wait_ms + 1), 0);
        assert.ok(buckets.waitMs("a", now_ms + wait_ms - 2) > 0 || wait_ms <= 2);
        continue;
      }
      buckets.take("a", count, now_ms);
      taken += count;
      // overdrawn by one request at most
      assert.ok(taken <= rate * (10 + now_ms / 1000) + count);
    }
    assert.equal(buckets.waitMs("b", now_ms), 0);
  }));
});

Deno.test("Buckets remember a bounded number of clients", () => {
  const buckets = new Buckets(() => 1);
  for (let i = 0; i < 25_000; i++) buckets.take(`client ${i}`, 1, i);
  assert.ok(buckets.size <= 10_000, `${buckets.size} are remembered`);
});

Deno.test("POST /metrics is 429 for who sends more than it may, until it may again", async () => {
  const clock = new FakeClock();
  const limits = { client_requests_s: 1, client_reports_s: 3 };
  await using app = await testApp({ clock, config: { limits } });
  const report = (value: number) => ({
    hostname: "a",
    timestamp: clock.now() / 1000 - value,
    metrics: { value },
  });
  for (let i = 0; i < 10; i++) assert.equal((await app.post(report(i))).status, 200);
  const fast = await app.post(report(11));
  assert.equal(fast.status, 429);
  assert.equal(fast.headers.get("retry-after"), "1");
  assert.match(
    fast.body.error,
    /^Cannot take reports: client 127\.0\.0\.1 sends more requests than/,
  );
  await clock.advance(1_100);
  // what a request holds is known afterwards
  assert.equal((await app.post(Array.from({ length: 60 }, (_, i) => report(100 + i)))).status, 200);
  await clock.advance(5_000);
  const many = await app.post(report(12));
  assert.equal(many.status, 429);
  assert.match(many.body.error, /sends more reports than it may \(limits\.client_reports_s\)/);
  assert.equal((await app.get("/fetch/hosts")).status, 200);
});
