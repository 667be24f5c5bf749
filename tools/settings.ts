/**
 * Writes the table of settings in docs/CONFIGURATION.md from the schema. With `--check` it only
 * compares, and fails when they differ.
 */
import { isLive } from "../server/config/live.ts";
import { listSettings, type Setting } from "../server/config/settings.ts";
import { keepPage, unformatted, withMarked } from "./marked.ts";

const FILE = new URL("../docs/CONFIGURATION.md", import.meta.url);
const BEGIN = "<!-- settings: written by tools/settings.ts -->";
const END = "<!-- end of settings -->";

function row(setting: Setting): string {
  const variables = setting.variables.map((name) => `\`${name}\``).join(", ");
  const shown = setting.default === undefined ? "" : `\`${JSON.stringify(setting.default)}\``;
  const live = isLive(setting.path) ? " ↻" : "";
  return `| \`${setting.path}\`${live} | ${variables} | ${shown} | ${setting.description} |`;
}

/** The table, one row a setting. */
export function settingsTable(settings: readonly Setting[]): string {
  const head = "| setting | environment | default | what it is |\n| --- | --- | --- | --- |";
  return [head, ...settings.map(row)].join("\n");
}

/** `text` with what stands between the marks replaced. Throws Error when the marks are missing. */
export function withTable(text: string, table: string): string {
  return withMarked(text, { begin: BEGIN, end: END, content: unformatted(table) });
}

if (import.meta.main) {
  await keepPage(FILE, {
    anew: (text) => withTable(text, settingsTable(listSettings())),
    wrong: "docs/CONFIGURATION.md is not what the schema says: deno run -A tools/settings.ts",
  });
}
