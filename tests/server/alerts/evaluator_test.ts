/** The evaluator told of reports as they come, by clocks of hosts that cannot be trusted. */
import assert from "node:assert/strict";
import { Evaluator } from "../../../server/alerts/evaluator.ts";
import { readRule, ruleSchema } from "../../../server/alerts/rule_schema.ts";

const START_MS = Date.UTC(2025, 0, 15, 12);
const HOUR_MS = 3_600_000;
const NAMES = ["cpu", "requests_total"];

/** A host whose clock is set after ten minutes; from the twentieth on everything is wrong, then not. */
function toldOfHostSetBack(back_ms: number, also?: (evaluator: Evaluator, now_ms: number) => void) {
  const evaluator = new Evaluator(START_MS);
  const host = { id: 1, hostname: "a", alias: null, location: null, tags: {} };
  evaluator.setHosts([host], START_MS);
  evaluator.setShapes(new Map([[1, NAMES], [2, ["load"]]]), new Map());
  const rules = [
    { name: "Silent", condition: "host_silent", for: "2m" },
    { name: "Busy", metric: "cpu", condition: "above", threshold: 90 },
    { name: "Loaded", metric: "load", condition: "above", threshold: 90 },
    { name: "Fast", metric: "requests_total", condition: "rate", over: "1m", threshold: 5 },
  ].map((definition, index) => {
    const rule = readRule(ruleSchema.parse(definition));
    return { id: index + 1, revision: 1, definition, rule };
  });
  evaluator.setRules(rules, { now_ms: START_MS });
  const told: string[] = [];
  let requests = 0;
  for (let at_s = 0; at_s <= 3_600; at_s += 10) {
    const now_ms = START_MS + at_s * 1000;
    const isWrong = at_s >= 1_200 && at_s < 1_800;
    requests += isWrong ? 100 : 10;
    const values = [isWrong ? 95 : 1, requests];
    evaluator.observe({
      host_id: 1,
      shape_id: 1,
      at_ms: now_ms - (at_s >= 600 ? back_ms : 0),
      value: (index) => values[index] ?? 0,
    }, now_ms);
    also?.(evaluator, now_ms);
    for (const missing of evaluator.takeMissing()) evaluator.fill(missing, [], []);
    evaluator.tick(now_ms);
    const { transitions, alerts } = evaluator.takeChanges(now_ms);
    for (const { kind, incident_key } of transitions) {
      const rule_id = alerts.find((alert) => alert.incident_key === incident_key)?.rule_id;
      const name = kind === "firing"
        ? ` ${rules.find(({ id }) => id === rule_id)?.definition.name}`
        : "";
      told.push(`${at_s} s ${kind}${name}`);
    }
  }
  return told;
}

Deno.test("a host whose clock is set back is neither silent nor blind", () => {
  const expected = toldOfHostSetBack(0);
  assert.equal(expected.length, 4);
  for (const back_ms of [60_000, HOUR_MS, 240 * HOUR_MS]) {
    assert.deepEqual(toldOfHostSetBack(back_ms), expected, `${back_ms} ms`);
  }
});

Deno.test("history that is sent at the pace it was made in changes nothing", () => {
  const expected = toldOfHostSetBack(0);
  // newer ones come too: of the same metrics, or of others
  for (const shape_id of [1, 2]) {
    const told = toldOfHostSetBack(0, (evaluator, now_ms) => {
      const at_ms = now_ms === START_MS ? now_ms - 1 : now_ms - 2 * HOUR_MS;
      const value = () => now_ms === START_MS ? 1 : 99;
      evaluator.observe({ host_id: 1, shape_id, at_ms, value }, now_ms);
    });
    assert.deepEqual(told, expected, `shape ${shape_id}`);
  }
});
