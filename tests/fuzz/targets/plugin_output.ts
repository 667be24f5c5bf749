/** What Nagios plugins print: agent/sources/nagios*.ts. */
import assert from "node:assert/strict";
import { parsePluginOutput, parseRange } from "../../../agent/sources/nagios.ts";
import { pluginSeries } from "../../../agent/sources/nagios_series.ts";
import { parseReport } from "../../../report.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { number, word } from "../words.ts";

function range(rng: Rng): string {
  const [low, high] = [rng.below(50), 50 + rng.below(50)];
  return rng.pick(["", `${low}`, `${low}:`, `~:${high}`, `${low}:${high}`, `@${low}:${high}`, "x"]);
}

function datum(rng: Rng): string {
  const label = rng.chance(0.5)
    ? `'${word(rng).replaceAll("'", "''")}'`
    : word(rng).replaceAll(/[ ='\n]/g, "_");
  const value = rng.chance(0.1)
    ? "U"
    : number(rng) + rng.pick(["", "s", "%", "B", "ms", "c", "µs"]);
  return `${label}=${value};${range(rng)};${range(rng)};0;100`.slice(
    0,
    rng.chance(0.9) ? undefined : rng.int(1, 20),
  );
}

export const target: Target = {
  seeds: [
    "DISK OK - free space: / 81 MB | /=23B;24;25;0;27\nlonger text\nlast of it | /var=1B\n'odd'=1%",
    "OK | 'a b'=1,5s;~:10;@1:2 c=U",
    "CRITICAL",
  ],
  dictionary: ["|", "'", "''", "=", ";", ":", "~", "@", "U", "\n", "\r\n", " ", "1,5", "%"],
  make: (rng) =>
    `${word(rng)} ${rng.pick(["OK", "WARNING"])} - ${word(rng)}` +
    (rng.chance(0.8) ? ` |${rng.list(0, 12, () => datum(rng)).join(" ")}` : "") +
    (rng.chance(0.3) ? `\n${word(rng)} | ${rng.list(0, 5, () => datum(rng)).join("\n")}` : ""),
  check(input) {
    const text = new TextDecoder().decode(input);
    const { data } = parsePluginOutput(text);
    for (const { label, warn } of data) {
      assert.notEqual(label, "");
      if (warn !== undefined) assert.ok(warn.low <= warn.high);
    }
    parseRange(text);
    const { series } = pluginSeries(text, { name: "check", code: 1 });
    // whatever it printed can be sent
    const metrics = Object.fromEntries(series);
    const limits = { future_ms_max: 1, past_ms_max: 1 };
    const { faults } = parseReport({ hostname: "a", metrics }, { path: "", now_ms: 0, limits });
    assert.deepEqual(faults.filter(({ message }) => !/at most \d+ metrics/.test(message)), []);
  },
};
