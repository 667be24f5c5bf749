import assert from "node:assert/strict";
import { type ChartPoint, renderChart } from "../../../server/cli/chart.ts";
import { textWidth } from "../../../server/cli/text.ts";

const FROM_MS = Date.UTC(2026, 0, 31, 12);
const OPTIONS = {
  from_ms: FROM_MS,
  to_ms: FROM_MS + 100_000,
  columns: 30,
  rows: 5,
  format: (value: number) => String(Math.round(value * 10) / 10),
};

function every(step_ms: number, values: (number | undefined)[]): ChartPoint[] {
  return values.flatMap((value, index) =>
    value === undefined ? [] : [{ at_ms: FROM_MS + index * step_ms, value }]
  );
}

/** Dots of a chart as a picture of `#` and `.`, axis left out. */
function dots(lines: string[]): string[] {
  return lines.slice(0, -1).flatMap((line) => {
    const cells = [...line.replace(/^.*[│┤]/, "")].map((cell) => (cell.codePointAt(0) ?? 0) & 0xff);
    const bits = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    return bits.map((pair) =>
      cells.map((cell) => pair.map((bit) => cell & bit ? "#" : ".").join("")).join("")
    );
  });
}

Deno.test("renderChart() draws a rising line from the bottom left to the top right", () => {
  const lines = renderChart(every(10_000, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), OPTIONS);
  assert.equal(lines.length, 5);
  assert.ok(lines.every((line) => textWidth(line) <= 30), "wider than asked for");
  assert.match(lines[0] ?? "", /^ 10 ┤/);
  assert.match(lines[3] ?? "", /^ {2}0 ┤/);
  const picture = dots(lines);
  assert.equal(picture.at(-1)?.[0], "#");
  assert.equal(picture[0]?.at(-1), "#");
  const columns = [...(picture[0] ?? "")].map((_, x) => picture.map((row) => row[x]).join(""));
  assert.ok(columns.every((column) => column.includes("#")), "the line has holes");
});

Deno.test("renderChart() keeps a peak of one sample among thousands", () => {
  const values = Array.from({ length: 5_000 }, (_, index) => index === 2_500 ? 100 : 1);
  const picture = dots(renderChart(every(20, values), OPTIONS));
  assert.ok(picture[0]?.includes("#"), "the peak is not drawn");
  assert.equal(picture[0]?.replaceAll(".", "").length, 1);
});

Deno.test("renderChart() leaves a gap where nothing was measured", () => {
  const values = Array.from({ length: 21 }, (_, index) => index > 5 && index < 15 ? undefined : 5);
  const picture = dots(renderChart(every(5_000, values), OPTIONS));
  const row = picture.find((line) => line.includes("#")) ?? "";
  assert.match(row, /^#+\.{5,}#+$/);
});

Deno.test("renderChart() puts a flat line in the middle", () => {
  const picture = dots(renderChart(every(10_000, new Array(11).fill(7)), OPTIONS));
  const rows = picture.flatMap((row, index) => row.includes("#") ? [index] : []);
  assert.equal(rows.length, 1);
  assert.ok((rows[0] ?? 0) > 4 && (rows[0] ?? 0) < 11, `row ${rows[0]} of ${picture.length}`);
});

Deno.test("renderChart() draws nothing without a finite value in its time", () => {
  assert.deepEqual(renderChart([], OPTIONS), []);
  assert.deepEqual(renderChart([{ at_ms: FROM_MS - 1, value: 1 }], OPTIONS), []);
  assert.deepEqual(renderChart([{ at_ms: FROM_MS, value: NaN }], OPTIONS), []);
});

Deno.test("renderChart() can draw one point and a terminal too narrow for it", () => {
  const lines = renderChart([{ at_ms: FROM_MS, value: -3 }], { ...OPTIONS, columns: 1, rows: 1 });
  assert.equal(lines.length, 4);
  assert.equal(dots(lines).join("").replaceAll(".", ""), "#");
});
