import assert from "node:assert/strict";
import { formatValue } from "../../../server/cli/value.ts";

Deno.test("formatValue() has three significant digits and the metric's unit", () => {
  const cases: [number, string | undefined, string][] = [
    [0, undefined, "0"],
    [-0, undefined, "0"],
    [1.5, undefined, "1.5"],
    [12.345, undefined, "12.3"],
    [999, undefined, "999"],
    [999.9, undefined, "1k"],
    [-1_234_567, undefined, "-1.23M"],
    [0.001234, undefined, "0.00123"],
    [1e-9, undefined, "1.00e-9"],
    [1e30, undefined, "1.00e+30"],
    [1_023, "bytes", "1020 B"],
    [1_024, "bytes", "1 KiB"],
    [1_610_612_736, "bytes", "1.5 GiB"],
    [1_536, "bytes_per_second", "1.5 KiB/s"],
    [93.07, "percent", "93.1 %"],
    [0.25, "seconds", "0.25 s"],
    [12_000, "requests", "12k requests"],
  ];
  for (const [value, unit, expected] of cases) {
    assert.equal(formatValue(value, unit), expected, `${value} ${unit}`);
  }
});
