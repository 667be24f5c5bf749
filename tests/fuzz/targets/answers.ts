/** What a server (or something else at its address) answers: agent/server_answer.ts, server/feed. */
import assert from "node:assert/strict";
import { readCollected } from "../../../agent/collected.ts";
import { verdictOf } from "../../../agent/server_answer.ts";
import { verdictOf as feedVerdict } from "../../../server/feed/answer.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { json, number, quotedText, word } from "../words.ts";

const STATUSES = [200, 207, 204, 301, 400, 401, 403, 404, 405, 408, 413, 425, 429, 500, 503, 599];

function answer(rng: Rng): string {
  const refusal = () =>
    `{"index":${number(rng)},"path":${quotedText(rng, word(rng))},"message":${
      quotedText(rng, word(rng))
    }}`;
  if (rng.chance(0.2)) return json(rng, 3);
  return `{"status":"received","stored":${number(rng)},"duplicate":${number(rng)}` +
    (rng.chance(0.6) ? `,"refused":[${rng.list(0, 6, refusal).join()}]}` : "}");
}

export const target: Target = {
  seeds: [
    '{"status":"received","stored":1,"duplicate":0}',
    '{"status":"received","stored":1,"duplicate":0,"refused":[{"index":0,"path":"a","message":"b"}]}',
    '{"error":"Cannot take it","refused":[{"index":3,"path":"","message":""}]}',
    "<html>not ours</html>",
  ],
  dictionary: ['"refused":[', '"index":', "-1", "1e9", "null", "}", '{"status":"received"'],
  make: answer,
  check(input, rng) {
    const body = new TextDecoder().decode(input);
    const reports = rng.int(1, 5);
    for (const status of STATUSES) {
      const retry_after = rng.pick([
        null,
        "10",
        "-1",
        "9999999999",
        "Wed, 21 Oct 2099 07:28:00 GMT",
      ]);
      const common = { status, retry_after, body };
      const told = verdictOf({ ...common, location: null, date: null }, { reports, now_ms: 1e12 });
      if (told.kind === "settled") {
        const count = told.stored + told.duplicate + told.refused.length;
        assert.equal(count, reports, `${status}: each report is one of the three`);
      }
      if (told.kind === "retry" && told.retry_after_ms !== undefined) {
        assert.ok(told.retry_after_ms >= 0);
      }
      const fed = feedVerdict(common, reports);
      if (fed.kind === "settled") {
        assert.equal(fed.stored + fed.duplicate + fed.refused, reports);
      }
    }
    checkCollected(body);
  },
};

/** What a collector returned goes the same way. */
function checkCollected(json_text: string): void {
  try {
    JSON.parse(json_text);
  } catch {
    return;
  }
  const read = readCollected(json_text, { name: "script", at_ms: 1e12 });
  if ("fault" in read) assert.match(read.fault, /^returned what cannot be sent: /);
  else assert.ok(read.series.size <= 20_000);
}
