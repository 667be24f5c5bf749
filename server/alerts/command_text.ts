/** What `monitor alerts` shows: pure functions from an answer to lines. */
import { formatAge, formatTime } from "../cli/instant.ts";
import { layoutTable } from "../cli/table.ts";
import type { BacktestAnswer, EvidenceAnswer, Incident, RulesAnswer } from "./command_answers.ts";
import { durationText } from "./duration.ts";
import { numberText } from "./message.ts";
import { readRule, ruleSchema } from "./rule_schema.ts";

/** Evidence shown on a terminal; the rest is in the JSON. */
const POINTS_SHOWN = 12;
const BACKTEST_SHOWN = 50;

/** A state nobody has to guess from colour: ▲ warning, ■ critical, ◌ unknown, ● over. */
function sign({ state, severity, unknown }: Pick<Incident, "state" | "severity" | "unknown">) {
  if (state === "resolved") return "● over";
  const own = severity === "critical" ? "■ critical" : "▲ warning";
  return unknown === null ? own : `${own} ◌`;
}

export function incidentLines(
  incidents: readonly Incident[],
  { columns, now_ms }: { columns: number; now_ms: number },
): string[] {
  const rows = incidents.map((one) => {
    const notes = [
      one.acknowledged === null ? "" : `seen by ${one.acknowledged.who ?? "somebody"}`,
      one.flapping ? "flapping" : "",
      one.unknown === null ? "" : unknownText(one.unknown),
    ].filter((text) => text !== "");
    return [
      String(one.id),
      sign(one),
      one.host,
      formatAge(now_ms - one.opened * 1000),
      [one.summary, ...notes].join("; "),
    ];
  });
  return layoutTable({
    columns: [
      { header: "ID", align: "right", whole: true },
      { header: "STATE", whole: true },
      { header: "HOST" },
      { header: "AGE", align: "right", whole: true },
      { header: "WHAT" },
    ],
    rows,
  }, columns);
}

export function unknownText(unknown: string): string {
  switch (unknown) {
    case "server":
      return "nothing is known: the server takes no reports just now";
    case "host_silent":
      return "nothing is known: the host sends nothing";
    case "script_failed":
      return "nothing is known: the collector fails";
    case "fleet_silent":
      return "nothing is known: most hosts are silent";
    default:
      return "nothing is known: the metric does not come";
  }
}

export function evidenceLines(one: EvidenceAnswer, now_ms: number): string[] {
  const resolved = one.resolved === null
    ? ""
    : `, over since ${formatTime(one.resolved * 1000)} (${one.resolved_reason ?? ""})`;
  const lines = [
    `${sign(one)}  ${one.summary}`,
    `rule      ${one.rule_name}`,
    `opened    ${formatTime(one.opened * 1000)} (${
      formatAge(now_ms - one.opened * 1000)
    })${resolved}`,
  ];
  if (one.unknown !== null) lines.push(`now       ${unknownText(one.unknown)}`);
  if (one.acknowledged !== null) {
    const { who, note, until } = one.acknowledged;
    const limit = until === null ? "" : ` until ${formatTime(until * 1000)}`;
    lines.push(`seen by   ${who ?? "somebody"}${limit}${note ? `: ${note}` : ""}`);
  }
  lines.push("", "What happened");
  for (const { at, kind, who, text } of one.events) {
    const said = [who, text].filter((part) => part).join(": ");
    lines.push(`  ${formatTime(at * 1000)}  ${kind}${said === "" ? "" : `  ${said}`}`);
  }
  lines.push(
    "",
    one.deliveries.length === 0 ? "Nobody has been told by a channel" : "Who was told",
  );
  for (const { channel, reason, state, attempts, error, created } of one.deliveries) {
    const tried = attempts > 1 ? `, ${attempts} attempts` : "";
    const fault = error === null ? "" : `: ${error}`;
    lines.push(
      `  ${formatTime(created * 1000)}  ${channel ?? "a deleted channel"}  ${reason}, ${state}` +
        tried + fault,
    );
  }
  if (one.points.length > 0) {
    lines.push("", "What led to it");
    for (const [at, value] of one.points.slice(-POINTS_SHOWN)) {
      lines.push(`  ${formatTime(at * 1000)}  ${numberText(value)}`);
    }
  }
  return lines;
}

export function ruleLines({ rules }: RulesAnswer, columns: number): string[] {
  const rows = rules.map(({ id, enabled, source, rule, series }) => [
    String(id),
    enabled ? "on" : "off",
    source,
    series === null || series === undefined ? "" : String(series),
    rule.name,
    ruleText(rule),
  ]);
  return layoutTable({
    columns: [
      { header: "ID", align: "right", whole: true },
      { header: "STATE", whole: true },
      { header: "FROM", whole: true },
      { header: "SERIES", align: "right", whole: true },
      { header: "NAME" },
      { header: "WHEN" },
    ],
    rows,
  }, columns);
}

/** A rule as a line: `cpu above 80 / 95 for 5m on web-* (env=prod)`. */
export function ruleText(definition: unknown): string {
  const parsed = ruleSchema.safeParse(definition);
  if (!parsed.success) return "made by another version";
  const { metric, condition, comparison, levels, for_ms, hosts, tags } = readRule(parsed.data);
  const isFact = condition === "no_data" || condition === "host_silent" ||
    condition === "script_failed";
  const limits = levels.map(({ threshold }) =>
    typeof threshold === "number" ? numberText(threshold) : threshold.map(numberText).join("…")
  ).join(" / ");
  const what = isFact
    ? condition.replaceAll("_", " ")
    : condition === comparison
    ? `${condition.replaceAll("_", " ")} ${limits}`
    : `${condition} ${comparison} ${limits}`;
  const held = for_ms > 0 ? ` for ${durationText(for_ms)}` : "";
  const where = hosts.length > 0 ? ` on ${hosts.join(", ")}` : "";
  const tagged = Object.entries(tags).map(([name, values]) => `${name}=${values.join("|")}`);
  const by = tagged.length > 0 ? ` (${tagged.join(", ")})` : "";
  return `${[metric.join(", "), what].filter((text) => text !== "").join(" ")}${held}${where}${by}`;
}

export function backtestLines(answer: BacktestAnswer, columns: number): string[] {
  const { from, to, series, samples, tier, pages, pages_per_week, incidents } = answer;
  const rows = incidents.slice(-BACKTEST_SHOWN).map((one) => [
    formatTime(one.opened * 1000),
    one.resolved === null ? "still" : durationText((one.resolved - one.opened) * 1000),
    one.severity,
    one.host,
    one.summary,
  ]);
  const table = layoutTable({
    columns: [
      { header: "FIRED", whole: true },
      { header: "LASTED", align: "right", whole: true },
      { header: "SEVERITY", whole: true },
      { header: "HOST" },
      { header: "WHAT" },
    ],
    rows,
  }, columns);
  const resolution = tier === "raw" ? "every sample" : `values of ${tier}`;
  const more = incidents.length > BACKTEST_SHOWN ? ` (the newest ${BACKTEST_SHOWN} are shown)` : "";
  return [
    ...(incidents.length === 0 ? [] : table),
    `${pages} ${pages === 1 ? "page" : "pages"} from ${formatTime(from * 1000)} to ${
      formatTime(to * 1000)
    }, ${numberText(pages_per_week)} a week${more}`,
    `${series} series, ${samples} samples (${resolution})`,
  ];
}
