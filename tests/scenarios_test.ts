/** Every semantic of alerts as a scenario that can be read: tests/scenarios/*.scenario. */
import assert from "node:assert/strict";
import { parseRulesFile } from "../server/alerts/rules_file.ts";
import { parseScenario } from "../server/alerts/scenario.ts";
import { runScenario } from "../server/alerts/scenario_run.ts";

const FOLDER = new URL("./scenarios/", import.meta.url);

function read(name: string): string {
  return Deno.readTextFileSync(new URL(name, FOLDER));
}

function run(text: string, file = "x.scenario") {
  const readRules = (name: string) => parseRulesFile(read(name), name);
  return runScenario(parseScenario(text, { file, readRules }));
}

const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => name.endsWith(".scenario")).sort();

for (const name of names) {
  Deno.test(`scenario: ${name.replace(".scenario", "").replaceAll("_", " ")}`, () => {
    const { faults, told } = run(read(name), name);
    const shown = faults.map(({ line, message }) => `${name}:${line}: ${message}`).join("\n");
    assert.equal(faults.length, 0, `\n${shown}\ntold in all:\n${told.join("\n")}`);
  });
}

const RULES = "rules: [{name: x, metric: cpu, condition: above, threshold: 5, for: 20s}]\n---\n";

Deno.test("a scenario that does not come true says on which line, and what was", () => {
  const { faults } = run(
    `${RULES}load cpu{host=a} every 10s: 9x6\nat 10s: alert x a cpu firing\nat 20s: told nothing\n`,
  );
  assert.deepEqual(faults.map(({ line }) => line), [4, 5]);
  assert.match(faults[0]?.message ?? "", /expected cpu firing, it is: cpu pending/);
  assert.match(
    faults[1]?.message ?? "",
    /expected told nothing; it was 20s firing x a cpu critical/,
  );
});

Deno.test("a scenario says what was told and not expected", () => {
  const { faults } = run(`${RULES}load cpu{host=a} every 10s: 9x6\n`);
  assert.deepEqual(faults, [{
    line: 0,
    message: "told and not expected: 20s firing x a cpu critical",
  }]);
});

for (
  const [text, fault] of [
    ["load cpu every 10s: 1", /^x\.scenario:3:1: must be load METRIC\{host=NAME\}/],
    ["  load cpu{host=a} every 10s: 1 b", /^x\.scenario:3:3: must have values .* there is "b"/],
    ["at noon: told nothing", /must have a time such as 90s/],
    ["at 1m: tell nothing", /must be one of alert, told, .* there is "tell"/],
    ["at 1m: told something", /must be told nothing, or told firing/],
    ["wait", /must begin with load or at TIME/],
  ] as const
) {
  Deno.test(`a scenario with "${text}" is refused with its place`, () => {
    assert.throws(() => run(`${RULES}${text}\n`), { message: fault });
  });
}

Deno.test("the rules of a scenario have places too", () => {
  assert.throws(() => run("rules:\n  - name: x\n    metric: cpu\n---\n"), {
    message: /^x\.scenario:2:5: rules\[0\]\.condition must be one of above, /,
  });
});
