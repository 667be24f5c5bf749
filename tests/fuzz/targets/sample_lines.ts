/** CSV, NDJSON and Prometheus text of import and export: server/wire. */
import assert from "node:assert/strict";
import { detectFormat, FORMATS } from "../../../server/wire/format.ts";
import { LineSplitter } from "../../../server/wire/lines.ts";
import { FORMAT_NAMES, isFault } from "../../../server/wire/sample.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { number, quotedText, word } from "../words.ts";

function csvField(rng: Rng, text: string): string {
  return rng.chance(0.4) || /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function line(rng: Rng, kind: number): string {
  const [host, metric, value] = [word(rng), word(rng), number(rng)];
  const seconds = rng.chance(0.8) ? String(1.7e9 + rng.below(1e6)) : number(rng);
  if (kind === 0) {
    const time = rng.chance(0.1) ? "2026-01-31T12:00:00Z" : seconds;
    return [csvField(rng, host), csvField(rng, metric), time, value].join();
  }
  if (kind === 1) {
    const message = rng.chance(0.2) ? `,"message":${quotedText(rng, word(rng))}` : "";
    return `{"host":${quotedText(rng, host)},"metric":${quotedText(rng, metric)},` +
      `"t":${seconds},"v":${value}${message}}`;
  }
  const label = `host=${JSON.stringify(host)}`;
  const time = rng.chance(0.8) ? `${seconds}000` : number(rng);
  return rng.chance(0.5)
    ? `http_total{${label},code="200"} ${value} ${time}`
    : `{${JSON.stringify(metric)},${label}} ${value} ${time}`;
}

const newline = (rng: Rng) => rng.chance(0.9) ? "\n" : rng.pick(["\r\n", "\n\n", "\r", "\u2028"]);

export const target: Target = {
  seeds: [
    "host,metric,timestamp,value\na,cpu,1700000000.5,1\na,cpu,1700000010.5,2\n",
    '{"host":"a","metric":"cpu","t":1700000000,"v":1}\n{"error":"gone"}\n',
    '# TYPE x gauge\nx{host="a"} 1 1700000000000\n{"disk.root",host="a"} -0 1700000000001\n',
    'value,host,more,metric,timestamp\n1,"a ""b""",x,m,2026-01-31 12:00:00+01:00\n',
  ],
  dictionary: [
    ...[
      "host,metric,timestamp,value\n",
      '"',
      '""',
      ",",
      "\n",
      "\r\n",
      "# error: ",
      "# EOF",
      "{",
      "}",
    ],
    ...['"t":', '"v":null', 'host="', "\\", "\\n", " ", "\t", "NaN", "+Inf", "\ufeff", "\ufffd"],
  ],
  make(rng) {
    const kind = rng.below(3);
    const head = kind === 0 ? `host,metric,timestamp,value${newline(rng)}` : "";
    return head + rng.list(0, 30, () => line(rng, kind) + newline(rng)).join("");
  },
  check(input, rng) {
    const whole = linesOf(input, [input.length]);
    const cuts = rng.list(0, 6, () => rng.below(input.length + 1)).sort((a, b) => a - b);
    assert.deepEqual(linesOf(input, [...cuts, input.length]), whole, "cut elsewhere");
    detectFormat(whole.slice(0, 5).map(({ text }) => text));
    for (const name of FORMAT_NAMES) {
      const format = FORMATS[name];
      const read = format.reader();
      for (const { text } of whole) {
        const sample = read(text);
        if (sample === undefined) continue;
        if (isFault(sample)) {
          assert.ok(sample.fault !== "" && sample.column >= 1 && sample.column <= text.length + 1);
          continue;
        }
        const { host, metric, at_ms, value } = sample;
        assert.ok(Number.isSafeInteger(at_ms) && (value === null || Number.isFinite(value)));
        if (/[\n\r]/.test(host + metric) || !(host + metric).isWellFormed()) continue;
        if (name === "prometheus" && Math.abs(at_ms) < 1e11) continue;
        const written = format.header + format.writer(host, metric)(at_ms, value, sample.message);
        const again = written.split("\n").map(format.reader()).filter((one) => one !== undefined);
        if (again.length > 0) assert.deepEqual(again, [sample], `${name}: ${written}`);
      }
    }
  },
};

function linesOf(input: Uint8Array, ends: readonly number[]) {
  const splitter = new LineSplitter();
  let from = 0;
  const lines = ends.flatMap((end) => {
    const piece = input.subarray(from, end);
    from = end;
    return splitter.push(piece);
  });
  return [...lines, ...splitter.end()];
}
