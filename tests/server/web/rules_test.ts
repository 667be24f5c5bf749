/** Rules in the page: their fields, their words, and what of them is drawn into charts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { requireRule } from "../../../server/alerts/rule_book.ts";
import { marksOf, thresholdsOf } from "../../../server/web/chart_marks.ts";
import {
  CONDITIONS,
  fieldsOf,
  fieldsOfRule,
  metricWords,
  type RuleDefinition,
  type RuleFields,
  ruleOfFields,
} from "../../../server/web/rule_fields.ts";
import { definitionWords, longDuration } from "../../../server/web/rule_words.ts";

const FULL: RuleDefinition = {
  name: "Disk almost full",
  hosts: ["web-*", "db-1"],
  tags: { env: ["prod", "stage"], role: "db" },
  metric: "disk.*.used_percent",
  condition: "above",
  warning: 85,
  critical: 95,
  recovery: { warning: 80, critical: 90 },
  for: "5m",
  keep_firing_for: "2m",
  flapping: { times: 4, within: "2h", quiet: "30m" },
  message: "{{host}} is full",
  runbook: "https://wiki.example.com/disk",
  labels: { team: "web, ops" },
};

Deno.test("ruleOfFields() gives back the rule that fieldsOfRule() has read", () => {
  const rules: RuleDefinition[] = [
    FULL,
    { name: "silent", condition: "host_silent", severity: "critical", for: "2m" },
    { name: "room", metric: "temp", condition: "outside", warning: [15, 30] },
    { name: "off", enabled: false, metric: "a", condition: "below", critical: 0.5, for: "0s" },
    {
      ...{ name: "soon", metric: "disk", condition: "forecast", compare: "below", warning: 1 },
      ...{ over: "12h", within: "48h" },
    },
    { name: "jump", metric: "a", condition: "change", direction: "up", critical: 5, over: "10m" },
  ];
  for (const rule of rules) {
    requireRule(rule);
    assert.deepEqual(ruleOfFields(fieldsOfRule(rule), rule), rule);
  }
});

Deno.test("ruleOfFields() leaves out what the condition has no use for", () => {
  const fields = { ...fieldsOfRule(FULL), condition: "host_silent" as const, severity: "critical" };
  const rule = ruleOfFields(fields, FULL);
  assert.deepEqual([rule.metric, rule.warning, rule.critical, rule.recovery], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  requireRule(rule);
  // one threshold is written as the level it is
  const single = { name: "a", metric: "m", condition: "above", threshold: 3, severity: "warning" };
  assert.deepEqual(ruleOfFields(fieldsOfRule(single), single), {
    ...{ name: "a", metric: "m", condition: "above", warning: 3 },
  });
});

Deno.test("ruleOfFields() of any fields says no more than its condition allows", () => {
  const text = fc.constantFrom("", "5m", "90");
  fc.assert(fc.property(
    fc.constantFrom(...CONDITIONS),
    fc.record({ over: text, within: text, keep_firing_for: text, for: text }),
    (condition, times) => {
      const has = fieldsOf(condition);
      const fields: RuleFields = {
        ...{ ...fieldsOfRule(), ...times, condition, name: "n", metric: "m" },
        critical: condition === "outside" ? "10, 90" : "90",
        within: times.within === "90" ? "" : times.within,
      };
      requireRule(ruleOfFields(fields));
      assert.equal("metric" in ruleOfFields(fields), has.metric);
    },
  ));
});

Deno.test("metricWords() parts names at commas outside of labels", () => {
  assert.deepEqual(metricWords('a.b, http{code="2, 3",x="y"} c*'), [
    "a.b",
    'http{code="2, 3",x="y"}',
    "c*",
  ]);
});

Deno.test("definitionWords() says what a rule does", () => {
  assert.equal(
    definitionWords({ ...FULL, recovery: 80 }),
    "Tells when disk.*.used_percent of web-*, db-1 tagged env=prod, stage and role=db is above 85 " +
      "(warning) or is above 95 (critical), for 5 minutes without a break. " +
      "It is over when the value is back at 80.",
  );
  assert.equal(
    definitionWords({ name: "s", condition: "host_silent" }),
    "Tells as critical when any host has sent nothing for 2 minutes.",
  );
  assert.equal(
    definitionWords({ name: "t", metric: "t", condition: "outside", warning: [15, 30] }),
    "Tells when t of any host is outside 15 to 30 (warning).",
  );
  assert.deepEqual(["1h30m", "90", "1d", "", "soon", 0].map((one) => longDuration(String(one))), [
    "1 hour 30 minutes",
    "1 minute 30 seconds",
    "1 day",
    "",
    "soon",
    "0 seconds",
  ]);
});

Deno.test("marksOf() draws what belongs to the chart's metrics and the host", () => {
  const series = { metric: "cpu_usage", unit: "%", kind: "gauge" as const, t: [] };
  const plan = { lines: [{ name: "cpu", series }], stacked: false, per_second: false };
  const incident = (metric: string | null, resolved: number | null) => ({
    ...{ id: 1, state: "open" as const, severity: "warning" as const, host: "a", story: "" },
    ...{ worst_severity: "critical" as const, metric, summary: "", value: 1, threshold: 1 },
    ...{ rule_id: 1, rule_name: "", labels: {}, flapping: false, unknown: null, opened: 10 },
    ...{ resolved, resolved_reason: null, acknowledged: null },
  });
  const rule = { name: "Busy", metric: "cpu_*", condition: "above", critical: 90, hosts: "a*" };
  const facts = {
    host: { hostname: "a", tags: { env: "prod" } },
    incidents: [incident("cpu_usage", 20), incident("memory_usage", null), incident(null, null)],
    downtimes: [{ start: 5, end: 8 }],
    rules: [rule, { ...rule, hosts: "b" }, { ...rule, tags: { env: ["dev", "test"] } }],
  };
  assert.deepEqual(marksOf(plan, facts), {
    spans: [
      { from_s: 5, to_s: 8, kind: "downtime" },
      { from_s: 10, to_s: 20, kind: "critical" },
      { from_s: 10, to_s: undefined, kind: "critical" },
    ],
    thresholds: [{ value: 90, name: "Busy", severity: "critical" }],
  });
  // on top of others a threshold would be at the wrong place
  assert.deepEqual(marksOf({ ...plan, stacked: true }, facts).thresholds, []);
  assert.deepEqual(thresholdsOf({ name: "r", condition: "rate", critical: 5 }), []);
  assert.deepEqual(
    thresholdsOf({ name: "o", condition: "outside", warning: [1, 9] }).map(({ value }) => value),
    [1, 9],
  );
});
