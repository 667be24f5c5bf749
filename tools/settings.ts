/**
 * Writes the table of settings in docs/CONFIGURATION.md from the schema. With `--check` it only
 * compares, and fails when they differ.
 */
import { listSettings, type Setting } from "../server/config/settings.ts";

const FILE = new URL("../docs/CONFIGURATION.md", import.meta.url);
const BEGIN = "<!-- settings: written by tools/settings.ts -->";
const END = "<!-- end of settings -->";

function row(setting: Setting): string {
  const variables = setting.variables.map((name) => `\`${name}\``).join(", ");
  const shown = setting.default === undefined ? "" : `\`${JSON.stringify(setting.default)}\``;
  return `| \`${setting.path}\` | ${variables} | ${shown} | ${setting.description} |`;
}

/** The table, one row a setting. */
export function settingsTable(settings: readonly Setting[]): string {
  const head = "| setting | environment | default | what it is |\n| --- | --- | --- | --- |";
  return [head, ...settings.map(row)].join("\n");
}

/** `text` with what stands between the marks replaced. Throws Error when the marks are missing. */
export function withTable(text: string, table: string): string {
  const [before, rest] = text.split(BEGIN);
  const [, after] = (rest ?? "").split(END);
  if (before === undefined || after === undefined) {
    throw new Error(`Cannot find the marks "${BEGIN}" and "${END}"`);
  }
  // the formatter aligns tables, which would make every change a change of every row
  return `${before}${BEGIN}\n\n<!-- deno-fmt-ignore -->\n\n${table}\n\n${END}${after}`;
}

if (import.meta.main) {
  const text = await Deno.readTextFile(FILE);
  const wanted = withTable(text, settingsTable(listSettings()));
  if (Deno.args.includes("--check")) {
    if (text === wanted) Deno.exit(0);
    await Deno.stderr.write(
      new TextEncoder().encode(
        "docs/CONFIGURATION.md is not what the schema says: deno run -A tools/settings.ts\n",
      ),
    );
    Deno.exit(1);
  }
  await Deno.writeTextFile(FILE, wanted);
}
