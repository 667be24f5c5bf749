/** Packets of StatsD: agent/sources/statsd_lines.ts. */
import assert from "node:assert/strict";
import { isForeign, parseStatsdLine } from "../../../agent/sources/statsd_lines.ts";
import type { Target } from "../target.ts";
import { number, word } from "../words.ts";

export const target: Target = {
  seeds: [
    "page.views:1|c|@0.1",
    "queue:-3|g",
    "latency:1:2:3|ms|#env:prod,beta",
    "visitors:alice|s",
    "latency,env=prod:1|ms|c:x|T1700000000",
    "_e{5,4}:title|text",
  ],
  dictionary: ["|c", "|g", "|ms", "|s", "|h", "|@", "|#", ":", ",", ";", "=", "\n", "__proto__"],
  make: (rng) =>
    `${word(rng)}${rng.chance(0.2) ? `,${word(rng)}=${word(rng)}` : ""}:` +
    `${rng.list(1, 4, () => number(rng)).join(":")}|${
      rng.pick(["c", "g", "ms", "h", "d", "s", "x"])
    }` +
    (rng.chance(0.3) ? `|@${number(rng)}` : "") +
    (rng.chance(0.3) ? `|#${rng.list(1, 4, () => `${word(rng)}:${word(rng)}`).join()}` : ""),
  check(input) {
    for (const line of new TextDecoder().decode(input).split("\n")) {
      if (isForeign(line)) continue;
      const read = parseStatsdLine(line);
      if (read === undefined) continue;
      assert.notEqual(read.name, "");
      assert.ok(read.values.every(Number.isFinite), "a value that is no number");
      assert.ok(read.weight >= 1 && Number.isFinite(read.weight));
      assert.equal(new Set(read.labels.map(([name]) => name)).size, read.labels.length);
    }
  },
};
