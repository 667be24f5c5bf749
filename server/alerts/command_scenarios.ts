/** `monitor alerts test FILE…`: scenarios, run here and now. Exit code 1 when one does not come true. */
import { dirname, resolve } from "node:path";
import { CommandError, UsageError } from "../cli/failure.ts";
import { safeJson, safeText } from "../cli/text.ts";
import type { AlertsContext } from "./command.ts";
import { parseRulesFile } from "./rules_file.ts";
import { parseScenario } from "./scenario.ts";
import { runScenario, type ScenarioResult } from "./scenario_run.ts";
import { PlacedError } from "./yaml_place.ts";

/** @throws UsageError when it cannot be read */
export function readText(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : String(error);
    throw new UsageError(`cannot read "${safeText(file)}": ${why}`);
  }
}

/** Runs `read`; faults in a file are the user's. */
export function withPlaces<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof PlacedError) throw new UsageError(`\n${safeLines(error.message)}`);
    throw error;
  }
}

function safeLines(text: string): string {
  return text.split("\n").map(safeText).join("\n");
}

export function testScenarios(
  files: readonly string[],
  options: { json?: true },
  { terminal }: AlertsContext,
): void {
  const results: ({ file: string } & ScenarioResult)[] = [];
  for (const file of files) {
    const text = readText(file);
    const scenario = withPlaces(() =>
      parseScenario(text, {
        file,
        readRules: (name) => {
          const path = resolve(dirname(file), name);
          return parseRulesFile(readText(path), path);
        },
      })
    );
    const result = runScenario(scenario);
    results.push({ file, ...result });
    if (options.json) continue;
    for (const { line, message } of result.faults) {
      terminal.out(`${safeText(`${file}:${line}: ${message}`)}\n`);
    }
    const told = `${result.told.length} told`;
    terminal.out(
      `${result.faults.length === 0 ? "ok    " : "FAILED"}  ${safeText(file)} (${told})\n`,
    );
  }
  if (options.json) {
    terminal.out(`${safeJson(results, terminal.out_is_terminal ? 2 : undefined)}\n`);
  }
  const failed = results.filter(({ faults }) => faults.length > 0).length;
  if (failed === 0) return;
  throw new CommandError(`${failed} of ${results.length} scenarios did not come true`, {
    cause: "what was expected and what was is above, with its line",
    hint: "change the rule, or the scenario",
  });
}
