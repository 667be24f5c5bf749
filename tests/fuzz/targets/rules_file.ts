/** Rules and scenarios in YAML: server/alerts/rules_file.ts, scenario.ts, yaml_place.ts. */
import assert from "node:assert/strict";
import { parseRulesFile } from "../../../server/alerts/rules_file.ts";
import { parseScenario } from "../../../server/alerts/scenario.ts";
import { PlacedError } from "../../../server/alerts/yaml_place.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { json, number, word } from "../words.ts";

const CONDITIONS = ["above", "below", "outside", "equal", "change", "rate", "forecast", "no_data"];
const SETTINGS = [
  "for",
  "threshold",
  "warning",
  "critical",
  "recovery",
  "hosts",
  "tags",
  "message",
];

function rule(rng: Rng): string {
  const lines = [
    `  - name: ${rng.chance(0.8) ? `rule ${rng.below(5)}` : JSON.stringify(word(rng))}`,
    `    metric: ${rng.pick(["cpu", "disk.*", '"x y"', "[a, b]"])}`,
    `    condition: ${rng.pick(CONDITIONS)}`,
    ...rng.list(0, 5, () => {
      const value = rng.pick([
        number(rng),
        "5m",
        "[15, 30]",
        "{ env: prod }",
        json(rng, 1),
        "|\n     a",
      ]);
      return `    ${rng.pick(SETTINGS)}: ${value}`;
    }),
  ];
  return lines.join("\n");
}

function scenario(rng: Rng): string {
  const lines = rng.list(0, 8, () =>
    rng.pick([
      `load cpu{host=a} every 10s: ${rng.list(1, 6, () => number(rng)).join(" ")}`,
      `load cpu{host=a} every 10s: 10 10 95x${rng.below(2_000)} _x3`,
      `at ${rng.below(100)}m: alert ${word(rng)} firing`,
      "at 2m: notified webhook once",
      `at ${word(rng)}`,
    ]));
  return `rules:\n${rule(rng)}\n---\n${lines.join("\n")}\n`;
}

export const target: Target = {
  seeds: [
    "rules:\n  - name: Disk\n    metric: disk.*\n    condition: above\n    warning: 85\n    for: 5m\n",
    '{"rules": [{"name": "a", "condition": "host_silent", "for": 60}]}',
    "rules: &a\n  - *a\n",
    "rules:\n- name: Busy\n  metric: cpu\n  condition: above\n  threshold: 90\n---\n" +
    "load cpu{host=a} every 10s: 10 95x12\nat 2m: alert Busy on a firing\n",
  ],
  dictionary: [
    ...[
      "rules:",
      "- name: ",
      "condition: ",
      "&a ",
      "*a",
      "<<: *a",
      "|\n",
      ">-\n",
      "---\n",
      "? ",
      "!!",
    ],
    ...[
      "%YAML 1.2\n",
      "{",
      "}",
      "[",
      "]",
      ": ",
      "\n  ",
      "\t",
      "#",
      "95x12",
      "load ",
      "every ",
      "at ",
    ],
    ...["[[[[[[[[[[", "{a: {a: {a: {a: ", "__proto__: 1"],
  ],
  make: (rng) =>
    rng.chance(0.5) ? `rules:\n${rng.list(0, 5, () => rule(rng)).join("\n")}\n` : scenario(rng),
  check(input) {
    const text = new TextDecoder().decode(input);
    told(() => parseRulesFile(text, "rules.yaml"), text);
    told(() => parseScenario(text, { file: "a.scenario", readRules: () => [] }), text);
  },
};

/** A mistake is told with its place, which is in the file. */
function told(parse: () => unknown, text: string): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof PlacedError)) throw error;
    const lines = text.split("\n").length;
    assert.match(error.message, /:\d+:\d+/);
    for (const [, line = "0"] of error.message.matchAll(/^\S+?:(\d+):\d+/gm)) {
      assert.ok(Number(line) >= 1 && Number(line) <= lines + 1, error.message);
    }
  }
}
