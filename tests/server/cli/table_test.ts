import assert from "node:assert/strict";
import { layoutTable } from "../../../server/cli/table.ts";
import { textWidth } from "../../../server/cli/text.ts";

const COLUMNS = [
  { header: "HOST" },
  { header: "METRIC" },
  { header: "VALUE", align: "right" as const, whole: true },
];

Deno.test("layoutTable() aligns columns, also of wide characters", () => {
  const rows = [["東京", "cpu", "1.5"], ["b", "memory_usage", "12.25"]];
  assert.deepEqual(layoutTable({ columns: COLUMNS, rows }, Infinity), [
    "HOST  METRIC        VALUE",
    "東京  cpu             1.5",
    "b     memory_usage  12.25",
  ]);
});

Deno.test("layoutTable() cuts the widest column and never a number", () => {
  const rows = [["db", "a_rather_long_metric_name_of_a_disk", "123456.789"]];
  const lines = layoutTable({ columns: COLUMNS, rows }, 30);
  assert.deepEqual(lines, ["HOST  METRIC             VALUE", "db    a_rather_lo…  123456.789"]);
});

Deno.test("layoutTable() gives up fitting where columns would say nothing", () => {
  const rows = [["a_long_host_name", "a_long_metric", "123456.789"]];
  const [, line = ""] = layoutTable({ columns: COLUMNS, rows }, 10);
  assert.equal(line, "a_long_…  a_long_…  123456.789");
});

Deno.test("layoutTable() makes hostile names harmless before it measures them", () => {
  const rows = [["\x1b[2J\n", "cpu", "1"]];
  const lines = layoutTable({ columns: COLUMNS, rows }, Infinity);
  assert.equal(lines.length, 2);
  assert.equal(lines[1], "\\u{1b}[2J\\u{a}  cpu         1");
  assert.equal(textWidth(lines[0] ?? ""), textWidth(lines[1] ?? ""));
});

Deno.test("layoutTable() of no rows is its header", () => {
  assert.deepEqual(layoutTable({ columns: COLUMNS, rows: [] }, 80), ["HOST  METRIC  VALUE"]);
});
