/**
 * Writes the tables of docs/metrics.md from what the shipped collectors say about themselves: between
 * the marks of each collector its options, and its metrics with unit, kind and meaning. With `--check`
 * it only compares, and fails when they differ.
 */
import type { Metric, Option } from "../agent/monitor.d.ts";
import { scriptMetadataSchema, seriesMetadata } from "../agent/script_metadata.ts";
import { keepPage, withMarked } from "./marked.ts";

const FILE = new URL("../docs/metrics.md", import.meta.url);
const SCRIPTS = new URL("../metrics/", import.meta.url);

/** What stands between a collector's name and that of a metric; by metric where that differs. */
const BETWEEN: Record<string, string | Record<string, string>> = {
  cpu_usage: { busy: "core.<number>." },
  disk: "<mount>.",
  disk_io: "<disk>.",
  network: "<interface>.",
  pressure: "<resource>.",
  processes: { cpu_percent: "top.<name>.", memory_bytes: "top.<name>.", count: "top.<name>." },
  systemd: { active: "unit.<name>." },
  docker: Object.fromEntries(
    [
      ...["up", "healthy", "cpu_seconds_total", "memory_bytes", "memory_max_bytes"],
      ...["rx_bytes_total", "tx_bytes_total"],
    ].map((name) => [name, "container.<name>."]),
  ),
  postgres: { size: "<name>.database.<database>." },
};
/** Metrics that cannot be described where they are made, since the machine names them. */
const MORE: Record<string, Record<string, string>> = {
  temperature: { "temperature.<sensor>": "What this sensor says" },
};

/** Collectors with a metric of their own name, which their description is about. */
const WITH_OWN_METRIC = ["cpu_usage", "temperature", "uptime"];

/** The shipped collectors by name. */
export async function shippedCollectors(): Promise<Map<string, Metric>> {
  const names = [...Deno.readDirSync(SCRIPTS)].map(({ name }) => name).sort();
  const found = new Map<string, Metric>();
  for (const file of names.filter((name) => name.endsWith(".ts"))) {
    const { metric }: { metric: Metric } = await import(new URL(file, SCRIPTS).href);
    found.set(file.slice(0, -".ts".length), metric);
  }
  return found;
}

/** Names of a collector's metrics, with `<…>` for what the machine has. */
function metricNames(name: string, { options = {}, metrics = {} }: Metric): string[] {
  const keys = Object.keys(metrics);
  const own = WITH_OWN_METRIC.includes(name) && !keys.includes("") ? [name] : [];
  const between = (key: string) => {
    const known = BETWEEN[name] ?? {};
    if (typeof known === "string") return known;
    return known[key] ?? ("targets" in options ? "<name>." : "");
  };
  const below = keys.map((key) => key === "" ? name : `${name}.${between(key)}${key}`);
  return [...own, ...below, ...Object.keys(MORE[name] ?? {})];
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function metricRows(name: string, metric: Metric): string[][] {
  const metadata = scriptMetadataSchema.parse(metric);
  return metricNames(name, metric).map((series) => {
    const { unit = "", kind = "gauge", description = MORE[name]?.[series] ?? "" } =
      seriesMetadata(series, { name, metadata }) ?? {};
    return [`\`${series}\``, unit, kind, description];
  });
}

function optionRows(options: Record<string, Option>, before = ""): string[][] {
  return Object.entries(options).flatMap(([name, option]): string[][] => {
    const { type, required, fields } = option;
    const fallback = required
      ? "required"
      : option.default === undefined
      ? ""
      : `\`${JSON.stringify(option.default)}\``;
    const shown = type === "secret"
      ? `\`${before}${name}\`, \`${name}_file\``
      : `\`${before}${name}\``;
    const short = option.shorthand === undefined ? "" : `; a text is its \`${option.shorthand}\``;
    return [
      [shown, type, fallback, `${option.description}${short}`],
      ...optionRows(fields ?? {}, `${before}${name}[].`),
    ];
  });
}

function collectorText(name: string, metric: Metric): string {
  const { options = {}, every } = metric;
  const parts = ["<!-- deno-fmt-ignore-start -->"];
  if (every !== undefined) parts.push(`Every ${every}, unless \`every\` says otherwise.`);
  if (Object.keys(options).length > 0) {
    parts.push(table(["option", "type", "default", "what it is"], optionRows(options)));
  }
  parts.push(table(["metric", "unit", "kind", "what it is"], metricRows(name, metric)));
  return [...parts, "<!-- deno-fmt-ignore-end -->"].join("\n\n");
}

/** `page` with the tables of all collectors written anew. Throws Error where one has no marks. */
export function withCollectors(page: string, collectors: ReadonlyMap<string, Metric>): string {
  let text = page;
  for (const [name, metric] of collectors) {
    text = withMarked(text, {
      begin: `<!-- ${name}: written by tools/collectors.ts -->`,
      end: `<!-- end of ${name} -->`,
      content: collectorText(name, metric),
    });
  }
  return text;
}

if (import.meta.main) {
  const collectors = await shippedCollectors();
  await keepPage(FILE, {
    anew: (text) => withCollectors(text, collectors),
    wrong: "docs/metrics.md is not what the collectors say: deno run -A tools/collectors.ts",
  });
}
