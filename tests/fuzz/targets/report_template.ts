/** The fast way of a report, server/ingest/template.ts: it must say what the ordinary way says. */
import assert from "node:assert/strict";
import { parseReport } from "../../../report.ts";
import { RowBuffer, rowPrototype } from "../../../server/ingest/rows.ts";
import { scanReports } from "../../../server/ingest/scan.ts";
import { learn, Matcher, NameReader, type Template } from "../../../server/ingest/template.ts";
import { mutate } from "../mutate.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { number, quotedText, word } from "../words.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const LIMITS = { future_ms_max: 600_000, past_ms_max: 30 * 86_400_000 };
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Whoever calls the fast way has passed white space over. */
const OPENING = 0x7b;

interface Row {
  at_ms: number;
  values: Record<string, number>;
}

/** What the ordinary way makes of a text; undefined when it is not one plain row. */
function ordinary(bytes: Uint8Array): Row | undefined {
  let value: unknown;
  try {
    value = JSON.parse(strict.decode(bytes));
  } catch {
    return undefined;
  }
  const scanned = scanReports(bytes);
  if (scanned.some(({ duplicates }) => duplicates.length > 0)) return undefined;
  const { reports } = parseReport(value, { path: "", now_ms: NOW_MS, limits: LIMITS });
  const [report] = reports;
  if (report === undefined || reports.length !== 1 || report.annotations.length > 0) {
    return undefined;
  }
  const pairs = report.names.map((name, i): [string, number] => [name, report.values[i] ?? 0]);
  return { at_ms: report.at_ms, values: Object.fromEntries(pairs.sort()) };
}

function templateOf(bytes: Uint8Array, row: Row): Template | undefined {
  const names = Object.keys(row.values);
  const shape = { id: 7, names, prototype: rowPrototype(7, names.length) };
  const name = new NameReader();
  const [report] = scanReports(bytes);
  if (report === undefined || !name.read(bytes, report.start)) return undefined;
  return learn(bytes, { report, name_end: name.end, shape });
}

/** What a template makes of a text; undefined when it does not match it to its end. */
function matched(bytes: Uint8Array, template: Template): Row | undefined {
  const name = new NameReader();
  if (!name.read(bytes, 0)) return undefined;
  const rows = new RowBuffer();
  const matcher = new Matcher();
  const into = { template, rows, host_id: 3, at_ms: NOW_MS };
  const limits = {
    at_ms_min: NOW_MS - LIMITS.past_ms_max,
    at_ms_max: NOW_MS + LIMITS.future_ms_max,
  };
  const { end } = name;
  if (!matcher.match(bytes, end, { ...into, ...limits })) {
    assert.equal(rows.bytes, 0, "something was left of a row that did not match");
    return undefined;
  }
  if (matcher.end !== bytes.length) return undefined;
  const found: Row = { at_ms: 0, values: {} };
  rows.forEach((row) => {
    found.at_ms = row.at_ms;
    const { names } = template.shape;
    found.values = Object.fromEntries(names.map((metric, i) => [metric, row.value(i)]));
  });
  return found;
}

function nameOf(bytes: Uint8Array): string | undefined {
  const name = new NameReader();
  if (!name.read(bytes, 0)) return undefined;
  return Array.from(bytes.subarray(name.start, name.end)).join();
}

function make(rng: Rng): string {
  const metrics = rng.list(1, 30, (i) => {
    const value = rng.chance(0.85)
      ? number(rng)
      : rng.chance(0.5)
      ? `{"value":${number(rng)}}`
      : `{"a":${number(rng)},"b":${number(rng)}}`;
    return `${rng.chance(0.9) ? `"m${i}"` : quotedText(rng, word(rng))}:${value}`;
  });
  const time = rng.chance(0.5) ? `"timestamp":${NOW_MS / 1000 - rng.below(5_000)},` : "";
  const space = rng.chance(0.3) ? " " : "";
  const name = rng.chance(0.9) ? '"host-1"' : quotedText(rng, word(rng));
  return `{"hostname":${space}${name},${time}"metrics":{${metrics.join()}}}`;
}

export const target: Target = {
  seeds: [
    '{"hostname":"a","metrics":{"cpu":1.5,"mem":2}}',
    '{"hostname": "a", "metrics": {"cpu": {"value": 3}}, "timestamp": 1736942400.5}',
    '{"hostname":"a","tags":{"n":1},"metrics":{"cpu":1}}',
  ],
  dictionary: ['"metrics":{', '"timestamp":', '{"value":', "true", "null", "}}", ",", "1e5", "-0"],
  make,
  check(input, rng) {
    const row = ordinary(input);
    if (row === undefined) return;
    const template = templateOf(input, row);
    if (template === undefined) return;
    if (input[0] !== OPENING) return;
    const trimmed = input.subarray(0, scanReports(input)[0]?.end);
    assert.deepEqual(matched(trimmed, template), row, "its own template reads it differently");
    // and what is nearly the same text
    for (let i = 0; i < 3; i++) {
      const other = mutate(input, rng, { others: [input], dictionary: target.dictionary ?? [] });
      // templates belong to hosts: whose name it is not, it is not tried for
      const fast: Row | undefined = nameOf(other) === nameOf(input)
        ? matched(other, template)
        : undefined;
      if (fast !== undefined) assert.deepEqual(fast, ordinary(other), "the two ways differ");
    }
  },
};
