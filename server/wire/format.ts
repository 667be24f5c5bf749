/** The formats by name, and which of them a text is. */
import { csv, isCsvHeader } from "./csv.ts";
import { ndjson } from "./ndjson.ts";
import { isPrometheusLine, prometheus } from "./prometheus.ts";
import type { FormatName, SampleFormat } from "./sample.ts";

export const FORMATS: Readonly<Record<FormatName, SampleFormat>> = { csv, ndjson, prometheus };

const NAME_ENDINGS: Readonly<Record<string, FormatName>> = {
  csv: "csv",
  ndjson: "ndjson",
  jsonl: "ndjson",
  prom: "prometheus",
};

/**
 * The format of a text by its first lines; where they say nothing, by the file's name; undefined
 * when neither does.
 */
export function detectFormat(
  first_lines: readonly string[],
  file_name = "",
): FormatName | undefined {
  const by_name = NAME_ENDINGS[/\.(\w+)$/.exec(file_name.toLowerCase())?.[1] ?? ""];
  for (const raw of first_lines) {
    const line = raw.trim();
    if (line === "") continue;
    // comments are allowed in two formats, and before the header of one
    if (line.startsWith("#")) {
      if (/^# (TYPE|HELP|UNIT|EOF)\b/.test(line)) return "prometheus";
      continue;
    }
    if (isCsvHeader(line)) return "csv";
    if (isPrometheusLine(line)) return "prometheus";
    return isJsonObject(line) ? "ndjson" : by_name;
  }
  return by_name;
}

function isJsonObject(line: string): boolean {
  try {
    return line.startsWith("{") && typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}
