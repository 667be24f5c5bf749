import assert from "node:assert/strict";
import fc from "fast-check";
import { SendPlan } from "../../agent/send_plan.ts";
import { sendSpreadMs } from "../../agent/send_spread.ts";

Deno.test("SendPlan: the newest go ahead once, then the oldest are next until there are newer", () => {
  const plan = new SendPlan();
  const ahead = plan.ahead({ newest_seq: 1_000 });
  assert.deepEqual([ahead?.after, ahead?.reports_max], [990, 10]);
  plan.answered({ reports: 10, newest_seq: 1_000 });
  assert.equal(plan.ahead({ newest_seq: 1_000 }), undefined);
  plan.answered({ reports: 500, newest_seq: 500 });
  assert.equal(plan.ahead({ newest_seq: 1_002 })?.after, 1_000);
});

Deno.test("SendPlan: requests are halved without an answer, and doubled with one", () => {
  const plan = new SendPlan();
  const sizes: number[] = [];
  for (let failure = 0; failure < 4; failure++) {
    plan.unanswered({ reports: plan.limits().reports_max });
    sizes.push(plan.limits().reports_max);
  }
  for (let answer = 0; answer < 5; answer++) {
    plan.answered({ reports: plan.limits().reports_max, newest_seq: 1 });
    sizes.push(plan.limits().reports_max);
  }
  assert.deepEqual(sizes, [250, 125, 62, 31, 62, 124, 248, 496, 500]);
});

Deno.test("SendPlan: reports of a refused batch go one by one, and nothing ahead of them", () => {
  const plan = new SendPlan();
  plan.split({ reports: 3 });
  const sizes: number[] = [];
  for (let sent = 0; sent < 4; sent++) {
    sizes.push(plan.limits().reports_max);
    if (sent < 3) assert.equal(plan.ahead({ newest_seq: 99 }), undefined);
    plan.answered({ reports: 1, newest_seq: sent });
  }
  assert.deepEqual(sizes, [1, 1, 1, 500]);
});

Deno.test("SendPlan: there is always something to send, and it stays within its bounds", () => {
  const anyEvent = fc.record({
    what: fc.constantFrom("answered", "unanswered", "split"),
    reports: fc.integer({ min: 1, max: 500 }),
  });
  fc.assert(fc.property(fc.array(anyEvent), (events) => {
    const plan = new SendPlan();
    for (const { what, reports } of events) {
      if (what === "answered") plan.answered({ reports, newest_seq: reports });
      else if (what === "unanswered") plan.unanswered({ reports });
      else plan.split({ reports });
      const { reports_max } = plan.limits();
      assert.ok(reports_max >= 1 && reports_max <= 500);
    }
  }));
});

Deno.test("sendSpreadMs() is a part of the interval, and nothing for a server on this machine", () => {
  const spread = (server: string, interval: number) =>
    Object.values(sendSpreadMs({ server, interval }));
  assert.deepEqual(spread("https://monitor.example", 10_000), [2_000, true]);
  assert.deepEqual(spread("https://monitor.example", 1_000), [200, true]);
  for (const local of ["http://localhost:8888", "http://127.0.0.1:1", "http://[::1]:8888"]) {
    assert.deepEqual(spread(local, 10_000), [0, false]);
  }
});
