/** A rule in words: what it will do, before it does it. Pure; of what is written, right or not yet. */
import { fieldsOf, fieldsOfRule, type RuleDefinition, type RuleFields } from "./rule_fields.ts";

const UNITS: readonly (readonly [string, string])[] = [
  ["d", "day"],
  ["h", "hour"],
  ["m", "minute"],
  ["s", "second"],
];

/** "1 hour 30 minutes" of `1h30m` or of 5400. */
export function longDuration(text: string): string {
  const given = text.trim();
  if (given === "") return "";
  let parts: [number, string][] = [];
  if (/^\d+(\.\d+)?$/.test(given)) {
    let rest = Number(given);
    for (const [unit, size] of [["d", 86_400], ["h", 3_600], ["m", 60], ["s", 1]] as const) {
      const count = unit === "s" ? rest : Math.floor(rest / size);
      if (count > 0) parts.push([count, unit]);
      rest -= count * size;
    }
  } else if (/^(\d+(\.\d+)?[smhdw]\s*)+$/.test(given)) {
    parts = [...given.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)].map(([, count, unit = ""]) =>
      unit === "w" ? [Number(count) * 7, "d"] : [Number(count), unit]
    );
  } else return given;
  const name = (unit: string) => UNITS.find(([short]) => short === unit)?.[1] ?? unit;
  const text_of = ([count, unit]: [number, string]) =>
    `${count} ${name(unit)}${count === 1 ? "" : "s"}`;
  return parts.length === 0 ? "0 seconds" : parts.map(text_of).join(" ");
}

const COMPARED: Readonly<Record<string, string>> = {
  above: "above",
  below: "below",
  outside: "outside",
  equal: "exactly",
  not_equal: "anything but",
};

function levelText(text: string): string {
  return text.trim().split(/[,\s]+/).join(" to ") || "…";
}

/** "is above 90", "has changed by more than 5 within 10 minutes". */
function conditionWords(fields: RuleFields, level: string): string {
  const over = longDuration(fields.over);
  switch (fields.condition) {
    case "change": {
      const way = fields.direction === "up"
        ? "risen"
        : fields.direction === "down"
        ? "fallen"
        : "changed";
      return `has ${way} by more than ${level} within ${over || "10 minutes"}`;
    }
    case "rate":
      return `grows by ${fields.compare === "below" ? "less" : "more"} than ${level} a second ` +
        `over ${over || "5 minutes"}`;
    case "forecast":
      return `will be ${COMPARED[fields.compare] ?? "above"} ${level} within ${
        longDuration(fields.within) || "1 day"
      }, as the last ${over || "6 hours"} go on`;
    case "unusual":
      return `is more than ${level} deviations from what is usual at this hour of the week`;
    default:
      return `is ${COMPARED[fields.condition] ?? fields.condition} ${level}`;
  }
}

function hostWords({ hosts, tags }: RuleFields): string {
  const names = hosts.trim();
  const tagged = tags.trim().split("\n").map((line) => line.trim()).filter(Boolean).join(" and ");
  const who = names === "" ? "any host" : names;
  return tagged === "" ? who : `${who} tagged ${tagged}`;
}

function factWords(fields: RuleFields): string {
  const [hosts, held] = [hostWords(fields), longDuration(fields.for)];
  switch (fields.condition) {
    case "host_silent":
      return `${hosts} has sent nothing for ${held || "2 minutes"}`;
    case "no_data":
      return `${fields.metric || "…"} of ${hosts} has not come for ${held || "5 minutes"}`;
    default:
      return `a collector${fields.metric === "" ? "" : ` (${fields.metric})`} of ${hosts} has ` +
        `failed within ${longDuration(fields.over) || "5 minutes"}`;
  }
}

/** One sentence: when it tells, how bad that is, and when it is over. */
export function ruleWords(fields: RuleFields): string {
  const has = fieldsOf(fields.condition);
  if (!has.levels) return `Tells as ${fields.severity} when ${factWords(fields)}.`;
  const subject = `${fields.metric.trim() || "…"} of ${hostWords(fields)}`;
  const held = longDuration(fields.for);
  const levels = ([["warning", fields.warning], ["critical", fields.critical]] as const)
    .filter(([, text]) => text.trim() !== "");
  const told = (levels.length === 0 ? [["critical", ""] as const] : levels)
    .map(([severity, text]) => `${conditionWords(fields, levelText(text))} (${severity})`)
    .join(" or ");
  const lasting = held === "" || held === "0 seconds" ? "" : `, for ${held} without a break`;
  const ends = fields.recovery.trim() === ""
    ? ""
    : ` It is over when the value is back at ${levelText(fields.recovery)}.`;
  return `Tells when ${subject} ${told}${lasting}.${ends}`;
}

/** The same of a rule as it was written. */
export function definitionWords(rule: RuleDefinition): string {
  return ruleWords(fieldsOfRule(rule));
}
