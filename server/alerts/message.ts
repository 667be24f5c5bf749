/** The sentence an incident has: a template of the rule's, or one made for its condition. */

/** Names a template may use, besides `tag.<name>` and `label.<name>`. */
const NAMES = [
  "host",
  "alias",
  "location",
  "metric",
  "value",
  "unit",
  "threshold",
  "severity",
  "rule",
  "for",
  "story",
] as const;
const PLACE = /\{\{\s*([\w.:-]*)\s*\}\}/g;

export interface MessageValues {
  host: string;
  alias: string;
  location: string;
  metric: string;
  value: string;
  unit: string;
  threshold: string;
  severity: string;
  rule: string;
  for: string;
  story: string;
  tags: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
}

/** What is wrong with a template, or undefined. */
export function templateFault(template: string): string | undefined {
  for (const [place, name = ""] of template.matchAll(PLACE)) {
    if (/^(tag|label)\../.test(name) || NAMES.some((known) => known === name)) continue;
    return `must not have ${place}: known are ${NAMES.join(", ")}, tag.<name>, label.<name>`;
  }
  const rest = template.replace(PLACE, "");
  return /\{\{|\}\}/.test(rest) ? "must have {{name}} with both braces closed" : undefined;
}

/** Puts values into a template; what nobody has is left empty. */
export function fillTemplate(template: string, values: MessageValues): string {
  return template.replace(PLACE, (_, name: string) => {
    const [kind, own] = [name.split(".", 1)[0], name.slice(name.indexOf(".") + 1)];
    if (name.startsWith("tag.")) return values.tags[own] ?? "";
    if (kind === "label") return values.labels[own] ?? "";
    const known = NAMES.find((one) => one === name);
    return known === undefined ? "" : values[known];
  });
}

/** Three significant digits, or all of a whole number; never `-0`, never an exponent for usual sizes. */
export function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value + 0);
  const size = Math.abs(value);
  if (size >= 1000 && size < 1e15) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
