import assert from "node:assert/strict";
import { backoffMs } from "../../../server/notify/backoff.ts";
import { decide, type Decision, type Situation } from "../../../server/notify/dedup.ts";

const OPTIONS = {
  now_ms: 100_000,
  repeat_interval_ms: 60_000,
  send_resolved: true,
  escalation: false,
};
const warning = { severity: "warning", flapping: false } as const;
const critical = { severity: "critical", flapping: false } as const;
const situation = (more: Partial<Situation>): Situation => ({
  told: {},
  last_sent_ms: null,
  firing: [],
  resolved: [],
  ...more,
});

Deno.test("decide(): what the receiver knows against what there is", () => {
  const told = { 1: warning, 2: critical };
  const fires = (...ids: number[]) => ids.map((id) => ({ id, ...critical }));
  const recently = { told, last_sent_ms: 50_000 };
  const cases: [string, Partial<Situation>, Decision][] = [
    ["nothing known, nothing fires", {}, "none"],
    ["nothing known, something fires", { firing: fires(1) }, "first"],
    ["a new one fires", { ...recently, firing: fires(2, 3) }, "changed"],
    ["one got worse", { ...recently, firing: fires(1) }, "changed"],
    ["one got better", { ...recently, firing: [{ id: 2, ...warning }] }, "none"],
    ["one began to flap", {
      ...recently,
      firing: [{ id: 2, severity: "critical", flapping: true }],
    }, "changed"],
    ["the same fire, told lately", { ...recently, firing: fires(2) }, "none"],
    ["the same fire, told long ago", {
      told,
      last_sent_ms: 40_000,
      firing: fires(2),
    }, "repeat_interval"],
    ["one is over", { ...recently, firing: fires(2), resolved: [1] }, "resolved"],
    ["all are over", { ...recently, resolved: [1, 2] }, "resolved"],
    ["a new one is more than one that is over", {
      ...recently,
      firing: fires(3),
      resolved: [1],
    }, "changed"],
    ["known ones fire, but are not to be told of now", { told, last_sent_ms: 0 }, "none"],
  ];
  for (const [name, more, expected] of cases) {
    assert.equal(decide(situation(more), OPTIONS), expected, name);
  }
});

Deno.test("decide(): who does not want to hear of an end hears of no end, and begins anew", () => {
  const quiet = { ...OPTIONS, send_resolved: false };
  const over = situation({ told: { 1: warning }, last_sent_ms: 0, resolved: [1] });
  assert.equal(decide(over, quiet), "forget");
});

Deno.test("decide(): an escalation says that it is one", () => {
  const firing = [{ id: 1, ...critical }];
  assert.equal(decide(situation({ firing }), { ...OPTIONS, escalation: true }), "escalation");
});

Deno.test("backoffMs(): longer each time up to five minutes, by chance, and not before the receiver wants", () => {
  const longest = Array.from({ length: 12 }, (_, i) => backoffMs(i + 1, { random: 1 }) / 1000);
  assert.deepEqual(longest.slice(0, 4), [1, 2, 4, 8]);
  assert.deepEqual(longest.slice(8), [256, 300, 300, 300]);
  assert.equal(backoffMs(1, { random: 0 }), 500);
  assert.equal(backoffMs(1_000, { random: 1 }), 300_000);
  assert.equal(backoffMs(1, { random: 0, retry_after_ms: 7_000 }), 7_000);
});
