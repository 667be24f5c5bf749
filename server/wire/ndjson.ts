/**
 * NDJSON: one object a line, `{"host":"a","metric":"cpu","t":1700000000.5,"v":12.5}`; `t` is seconds
 * since 1970. A text that came with a value stands beside it as `"message"`; where it came instead
 * of one, `v` is null. So this format alone keeps everything that `POST /metrics` stores per time.
 */
import { jsonFault } from "../config/json_fault.ts";
import { millisecondsOf, quoted, secondsText, valueText } from "./number.ts";
import { brokenOff, type LineFault, type LineReader, type SampleFormat } from "./sample.ts";

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The engine often does not say where; our own scanner does, but for nesting beyond its stack. */
function faultOf(line: string): LineFault {
  try {
    const place = jsonFault(line);
    if (place !== undefined) {
      const wanted = place.wanted === "the end of the file" ? "the end of the line" : place.wanted;
      return { column: place.column, fault: `not JSON: here must be ${wanted}` };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return { column: 1, fault: "not JSON" };
}

/** Where a key's value stands, for a message; the line is JSON. */
function columnOf(line: string, key: string): number {
  const at = line.indexOf(`"${key}"`);
  return at < 0 ? 1 : at + 1;
}

const WANTED: Record<string, string> = { host: "a text", metric: "a text", t: "a number" };

const read: LineReader = (line) => {
  if (line.trim() === "") return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return faultOf(line);
  }
  if (!isObject(parsed)) {
    return { column: 1, fault: 'a line must be an object {"host","metric","t","v"}' };
  }
  const { host, metric, t, v, message, error } = parsed;
  const wrong = (key: string, wanted: string) => ({
    column: columnOf(line, key),
    fault: `${key} must be ${wanted}: ${
      key in parsed ? `current value is ${quoted(JSON.stringify(parsed[key]))}` : "it is missing"
    }`,
  });
  if (typeof host !== "string" || typeof metric !== "string" || typeof t !== "number") {
    if (typeof error === "string") return { column: 1, fault: brokenOff(error) };
    const key = typeof host !== "string" ? "host" : typeof metric !== "string" ? "metric" : "t";
    return wrong(key, WANTED[key] ?? "");
  }
  const at_ms = millisecondsOf(t);
  if (typeof at_ms === "string") return { column: columnOf(line, "t"), fault: at_ms };
  if (message !== undefined && typeof message !== "string") return wrong("message", "a text");
  const may_be_null = v === null && message !== undefined;
  if (!may_be_null && (typeof v !== "number" || !Number.isFinite(v))) {
    return wrong("v", "a finite number, or null with a message");
  }
  const value = typeof v === "number" ? v : null;
  return message === undefined
    ? { host, metric, at_ms, value }
    : { host, metric, at_ms, value, message };
};

export const ndjson: SampleFormat = {
  name: "ndjson",
  content_type: "application/x-ndjson; charset=utf-8",
  header: "",
  has_messages: true,
  writer(host, metric) {
    const series = `{"host":${JSON.stringify(host)},"metric":${JSON.stringify(metric)},"t":`;
    return (at_ms, value, message) => {
      const start = `${series}${secondsText(at_ms)},"v":${
        value === null ? null : valueText(value)
      }`;
      return message === undefined
        ? `${start}}\n`
        : `${start},"message":${JSON.stringify(message)}}\n`;
    };
  },
  errorLine: (message) => `${JSON.stringify({ error: message })}\n`,
  reader: () => read,
};
