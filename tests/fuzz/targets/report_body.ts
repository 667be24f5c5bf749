/** Bodies of POST /metrics on the ordinary way: server/ingest/body.ts, scan.ts, report.ts. */
import assert from "node:assert/strict";
import { nameFault, REPORT_METRICS_MAX } from "../../../report.ts";
import { parseBody, RefusedError } from "../../../server/ingest/body.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { gap, json, number, quotedText, word } from "../words.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const NOW_S = NOW_MS / 1000;
const OPTIONS = {
  now_ms: NOW_MS,
  limits: { future_ms_max: 600_000, past_ms_max: 30 * 86_400_000 },
};
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function tree(rng: Rng, depth: number): string {
  return `{${
    rng.list(1, 12, () => {
      const value = rng.below(10);
      const text = value < 5
        ? number(rng)
        : value === 5
        ? `{"value":${number(rng)},"message":${quotedText(rng, word(rng))}}`
        : value === 6
        ? `{"value":${number(rng)},"timestamp":${NOW_S - rng.below(1_000)}}`
        : value === 7 && depth > 0
        ? tree(rng, depth - 1)
        : value === 8
        ? rng.pick(["true", "false", "null", '"x"'])
        : json(rng, 2);
      return `${gap(rng)}${quotedText(rng, word(rng))}${gap(rng)}:${gap(rng)}${text}${gap(rng)}`;
    }).join()
  }}`;
}

function report(rng: Rng): string {
  const members = [`"hostname":${quotedText(rng, word(rng))}`, `"metrics":${tree(rng, 3)}`];
  if (rng.chance(0.6)) members.push(`"timestamp":${NOW_S - rng.below(2_000)}.${rng.below(1_000)}`);
  if (rng.chance(0.2)) members.push(`"tags":${json(rng, 1)}`);
  if (rng.chance(0.2)) members.push(`"additional_data":{"alias":${quotedText(rng, word(rng))}}`);
  if (rng.chance(0.1)) members.push(`"metadata":{"cpu":{"unit":"%","kind":"gauge"}}`);
  if (rng.chance(0.1)) members.push(`${quotedText(rng, word(rng))}:${json(rng, 2)}`);
  return `{${members.join(`${gap(rng)},${gap(rng)}`)}}`;
}

function isJson(input: Uint8Array): boolean {
  try {
    JSON.parse(strict.decode(input));
    return true;
  } catch {
    return false;
  }
}

export const target: Target = {
  seeds: [
    '{"hostname": "a", "metrics": {"cpu": 1.5, "disk": {"root": {"value": 93, "message": "x"}}}}',
    `[{"hostname":"a","timestamp":${NOW_S},"metrics":{"cpu":1}},{"hostname":"b","metrics":{"x":2}}]`,
    '{"hostname":"a","metrics":{"a":{"value":{"b":{"value":1}}}},"tags":{"env":"prod","n":1}}',
    '{"hostname":"a","metrics":{"a.b":1,"a":{"b":2}}}',
  ],
  dictionary: [
    ...['"hostname":', '"metrics":', '"timestamp":', '"value":', '"message":', '"tags":', "{", "}"],
    ...["[", "]", ",", ":", "null", "true", '"__proto__":1', "[[[[[[[[[[", '{"a":{"a":{"a":{"a":'],
  ],
  make: (rng) =>
    rng.chance(0.7) ? report(rng) : `[${rng.list(0, 6, () => report(rng)).join(`,${gap(rng)}`)}]`,
  check(input) {
    let parsed: ReturnType<typeof parseBody>;
    try {
      parsed = parseBody(input, OPTIONS);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      assert.match(error.message, /^Cannot (read the body|take the batch)/);
      assert.ok(error.message.length < 500 && !error.message.includes("\n"), error.message);
      if (/as JSON/.test(error.message)) assert.equal(isJson(input), false);
      return;
    }
    assert.ok(isJson(input), "what is no JSON was taken");
    for (const { path, message } of parsed.refused) {
      assert.ok(path !== "" && message !== "", "a refusal without its place or reason");
    }
    for (const { reports } of parsed.elements) {
      assert.ok(reports.length > 0, "taken, and nothing in it");
      for (const { hostname, names, values, at_ms } of reports) {
        assert.equal(nameFault(hostname, 255), undefined);
        assert.ok(names.length <= REPORT_METRICS_MAX && names.length === values.length);
        assert.equal(new Set(names).size, names.length);
        assert.ok(values.every(Number.isFinite) && Number.isInteger(at_ms));
      }
    }
  },
};
