/** A rules file: `{rules: [...]}` in YAML or JSON; docs/alerts.md is its page. */
import { z } from "zod";
import { type RuleInput, ruleSchema } from "./rule_schema.ts";
import { PlacedError, readPlaced, readYaml } from "./yaml_place.ts";

/** A file is applied in one transaction; with more rules than this it is several files. */
const RULES_MAX = 2_000;

const fileSchema = z.strictObject({ rules: z.array(ruleSchema).max(RULES_MAX) }, {
  error: (issue) =>
    issue.code === "unrecognized_keys" ? undefined : "must be {rules: [...]}, a list of rules",
});

/**
 * The rules of the file at `path`.
 *
 * @throws PlacedError when it cannot be read, or with the place of each fault
 */
export async function loadRulesFile(path: string): Promise<RuleInput[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : String(error);
    throw new PlacedError(path, [{ line: 1, column: 1, message: `cannot be read: ${why}` }]);
  }
  return parseRulesFile(text, path);
}

/**
 * The rules of a file as they are written, checked.
 *
 * @throws PlacedError with the place of each fault
 */
export function parseRulesFile(text: string, file: string): RuleInput[] {
  const yaml = readYaml(text, { file });
  const { rules } = readPlaced(yaml, fileSchema, file);
  const names = new Map<string, number>();
  rules.forEach(({ name }, index) => {
    const before = names.get(name);
    if (before !== undefined) {
      throw new PlacedError(file, [{
        ...yaml.placeOf(["rules", index, "name"]),
        message: `rules[${index}].name must be unique: ${JSON.stringify(name)} is also the name ` +
          `of rules[${before}]`,
      }]);
    }
    names.set(name, index);
  });
  // checked just now: what was written is of this form
  return (yaml.value as { rules: RuleInput[] }).rules;
}
