/** Rules files: every fault with its line and column. */
import assert from "node:assert/strict";
import { parseRulesFile } from "../../../server/alerts/rules_file.ts";
import { readRule, ruleSchema } from "../../../server/alerts/rule_schema.ts";

function faults(text: string): string[] {
  try {
    parseRulesFile(text, "r.yaml");
    return [];
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message.split("\n");
  }
}

Deno.test("parseRulesFile() gives rules as they are written, from YAML and from JSON", () => {
  const yaml = "rules:\n  - name: x\n    metric: cpu\n    condition: above\n    threshold: 5\n";
  const json = '{"rules": [{"name":"x","metric":"cpu","condition":"above","threshold":5}]}';
  assert.deepEqual(parseRulesFile(yaml, "r.yaml"), parseRulesFile(json, "r.json"));
  assert.deepEqual(parseRulesFile("rules: []", "r.yaml"), []);
});

Deno.test("parseRulesFile() names the place of each fault", () => {
  const two = "rules:\n" +
    "  - {name: a, metric: m, condition: above, threshold: 1}\n" +
    "  - name: a\n    metric: m\n    condition: below\n    threshold: 1\n";
  assert.deepEqual(faults(two), [
    'r.yaml:3:11: rules[1].name must be unique: "a" is also the name of rules[0]',
  ]);
  const wrong = "rules:\n  - name: a\n    metric: m\n    condition: above\n" +
    "    threshold: high\n    for: soon\n    lables: {x: y}\n";
  const found = faults(wrong);
  assert.match(found[0] ?? "", /^r\.yaml:5:16: rules\[0\]\.threshold must be a number/);
  assert.match(found[1] ?? "", /^r\.yaml:6:10: rules\[0\]\.for must be a number of seconds, or/);
  assert.match(found[2] ?? "", /^r\.yaml:7:\d+: rules\[0\]\.lables is no setting there is$/);
  assert.match(faults("rules:\n  - name: [\n")[0] ?? "", /^r\.yaml:\d+:\d+: /);
  assert.match(faults("")[0] ?? "", /^r\.yaml:1:1: must be \{rules: \[\.\.\.\]\}/);
  assert.match(faults("- a\n")[0] ?? "", /^r\.yaml:1:1: must be \{rules/);
});

Deno.test("readRule(): one recovery threshold is that of the lower level", () => {
  const rule = readRule(ruleSchema.parse({
    name: "x",
    metric: "m",
    condition: "above",
    warning: 80,
    critical: 95,
    recovery: 70,
  }));
  assert.deepEqual(rule.levels, [
    { severity: "warning", threshold: 80, recovery: 70 },
    { severity: "critical", threshold: 95, recovery: 95 },
  ]);
  assert.deepEqual(
    readRule(ruleSchema.parse({ name: "x", condition: "host_silent" })).levels.map((one) =>
      one.severity
    ),
    ["critical"],
  );
});
