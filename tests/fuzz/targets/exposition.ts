/** What exporters show: agent/sources/exposition*.ts. */
import assert from "node:assert/strict";
import { nameFault } from "../../../report.ts";
import { expositionOptions, ExpositionReader } from "../../../agent/sources/exposition_series.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { number, word } from "../words.ts";

function labels(rng: Rng): string {
  if (rng.chance(0.3)) return "";
  const list = rng.list(0, 5, (i) => {
    const name = rng.chance(0.9) ? `l${i}` : word(rng);
    return `${name}="${word(rng).replaceAll(/[\\"\n]/g, "\\$&")}"`;
  });
  return `{${list.join(rng.chance(0.9) ? "," : ", ")}}`;
}

function line(rng: Rng): string {
  const name = rng.chance(0.85)
    ? rng.pick(["http_requests_total", "up", "x_seconds", "a:b", "x_bucket", "x_sum", "x_count"])
    : word(rng);
  if (rng.chance(0.2)) {
    return `# ${rng.pick(["HELP", "TYPE", "UNIT"])} ${name} ${
      rng.pick(["counter", "gauge", "histogram", "a text \\n of \\\\ help", "bytes", ""])
    }`;
  }
  const value = rng.chance(0.1) ? rng.pick(["NaN", "+Inf", "-Inf", "1e3"]) : number(rng);
  const time = rng.chance(0.2) ? ` ${1.7e12 + rng.below(1e9)}` : "";
  const exemplar = rng.chance(0.05) ? ' # {trace_id="x"} 0.5 1700000000' : "";
  return `${name}${labels(rng)} ${value}${time}${exemplar}`;
}

export const target: Target = {
  seeds: [
    '# HELP up Is it?\n# TYPE up gauge\nup{job="x"} 1\nx_seconds_sum 1.5\n',
    '# TYPE a counter\na_total{x="y"} 1 1700000000.5 # {t="1"} 2\n# EOF\n',
    '{"my.name",label="value"} 1\n{"other"} +Inf\n',
  ],
  dictionary: [
    ...["# TYPE ", "# HELP ", "# UNIT ", "# EOF", "{", "}", '="', '"', "\\", ",", "\n", "NaN"],
    ...["+Inf", "__proto__", "constructor", '{"', " # {", "\t"],
  ],
  make: (rng) =>
    rng.list(0, 30, () => line(rng)).join("\n") + rng.pick(["", "\n", "\n# EOF\n", "\n# EOF"]),
  check(input, rng) {
    const text = new TextDecoder().decode(input);
    const options = expositionOptions({
      prefix: rng.chance(0.3) ? "p_" : "",
      labels: rng.chance(0.3) ? { site: "a" } : {},
      timestamps: rng.chance(0.5),
    });
    const format = rng.chance(0.5) ? "text" : "openmetrics";
    const reader = new ExpositionReader(options);
    const first = reader.read(text, format);
    // what it remembers of the first time must not change the second
    assert.deepEqual(reader.read(text, format), first);
    if ("fault" in first) {
      assert.match(first.fault, /^(line \d+, column \d+: |it is cut off|\d+ series)/);
      return;
    }
    for (const [name, value] of first.series) {
      assert.equal(nameFault(name, 1024), undefined);
      const number = typeof value === "object" && value !== null ? value.value : value;
      assert.ok(typeof number === "number" && Number.isFinite(number));
    }
    for (const { unit = "", description = "" } of first.metadata.values()) {
      assert.ok(unit.length <= 32 && description.length <= 500);
    }
  },
};
