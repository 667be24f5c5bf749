import assert from "node:assert/strict";
import type { SeriesData } from "../../../server/web/api.ts";
import { align, planCharts, stack, valueRange, valuesOf } from "../../../server/web/chart_data.ts";
import { isLive, presetOf, readMoment, spanOf } from "../../../server/web/range.ts";

function series(metric: string, more: Partial<SeriesData> = {}): SeriesData {
  return { metric, unit: null, kind: "gauge", t: [10, 20], avg: [1, 2], ...more };
}

Deno.test("planCharts() puts what belongs together into one chart, the most wanted first", () => {
  const plans = planCharts([
    series("zfs.pool"),
    series("network.eth0.rx_bytes_total", { kind: "counter", unit: "B", rate: [null, 1] }),
    series("network.eth0.tx_bytes_total", { kind: "counter", unit: "B", rate: [null, 2] }),
    series("disk.root.used_percent", { unit: "%" }),
    series("disk.home.used_percent", { unit: "%" }),
    series("cpu_usage.user", { unit: "%" }),
    series("cpu_usage.iowait", { unit: "%" }),
    series("cpu_usage.system", { unit: "%" }),
    series("cpu_usage", { unit: "%" }),
    series("cpu_usage.cores"),
    series("monitor_agent_up"),
    series("nothing", { t: [], avg: [] }),
  ]);
  assert.deepEqual(
    plans.map(({ title, stacked, lines }) => [title, stacked, lines.map(({ name }) => name)]),
    [
      ["Processors busy", false, ["cpu_usage"]],
      ["Processors by mode", true, ["user", "system", "iowait"]],
      ["Disks, space used", false, ["root", "home"]],
      ["eth0 traffic", false, ["in", "out"]],
      ["zfs.pool", false, ["pool"]],
      ["monitor_agent_up", false, ["monitor_agent_up"]],
    ],
  );
  assert(plans.find(({ title }) => title === "eth0 traffic")?.per_second);
});

Deno.test("valuesOf() draws rates of counters, the last of states, else the average", () => {
  assert.deepEqual(valuesOf(series("a", { kind: "counter", rate: [null, 3], last: [1, 2] })), [
    null,
    3,
  ]);
  assert.deepEqual(valuesOf(series("a", { kind: "state", last: [0, 1], avg: [0.5, 1] })), [0, 1]);
  assert.deepEqual(valuesOf(series("a", { avg: undefined, max: [7, 8] })), [7, 8]);
});

Deno.test("align() makes holes where data is missing, and none for a host that reports seldom", () => {
  const gap = series("a", { t: [0, 10, 20, 80, 90], avg: [1, 2, 3, 4, 5] });
  const other = series("b", { t: [10, 80], avg: [7, 8] });
  const { t, lines } = align([{ name: "a", series: gap }, { name: "b", series: other }], 10);
  assert.deepEqual(t, [0, 10, 20, 30, 80, 90]);
  assert.deepEqual(lines, [[1, 2, 3, null, 4, 5], [null, 7, null, null, 8, null]]);
  const seldom = series("c", { t: [0, 60, 120], avg: [1, 2, 3], min: [0, 1, 2], max: [2, 3, 4] });
  const alone = align([{ name: "c", series: seldom }], 10);
  assert.deepEqual(alone.t, [0, 60, 120]);
  assert.deepEqual(alone.band, { low: [0, 1, 2], high: [2, 3, 4] });
});

Deno.test("stack() adds up, and a hole is a hole in what is above", () => {
  assert.deepEqual(stack([[1, null, 3], [10, 10, null]]), [[1, null, 3], [11, null, null]]);
});

Deno.test("valueRange() begins at 0 unless the values hardly differ", () => {
  assert.deepEqual(valueRange(3, 40, "%"), [0, 100]);
  assert.deepEqual(valueRange(5, 100, "B"), [0, 105]);
  assert.deepEqual(valueRange(95, 100, "B"), [94.5, 100.5]);
  assert.deepEqual(valueRange(null, null, "B"), [0, 1]);
  assert.deepEqual(valueRange(0, 0, null), [0, 1]);
  assert.equal(valueRange(-10, 10, null)[0], -10.5);
});

Deno.test("readMoment() and spanOf() read what stands in an address", () => {
  assert.equal(readMoment("now", 1000), 1000);
  assert.equal(readMoment("now-6h", 100_000), 100_000 - 21_600);
  assert.equal(readMoment("1700000000.5", 0), 1_700_000_000.5);
  assert.equal(readMoment("2026-01-31T12:00:00Z", 0), 1_769_860_800);
  assert.equal(readMoment("yesterday", 0), undefined);
  assert.deepEqual(spanOf({ from: "5000", to: "4000" }, 9_000), { from_s: 5_400, to_s: 9_000 });
  assert(isLive({ from: "now-1h", to: "now" }));
  assert.equal(presetOf({ from: "now-7d", to: "now" }), "7d");
  assert.equal(presetOf({ from: "now-7d", to: "now-1d" }), undefined);
});

Deno.test("planCharts() puts what an agent or a server tells by label into one chart of one group", () => {
  const series = (metric: string) => ({
    metric,
    unit: null,
    kind: "gauge" as const,
    t: [1],
    avg: [1],
  });
  const plans = planCharts([
    series('monitor_server_reports_total{result="stored"}'),
    series('monitor_server_reports_total{result="refused"}'),
    series("monitor_server_queue_bytes"),
    series("monitor_agent_scripts_ms"),
  ]);
  assert.deepEqual(plans.map(({ group, title, lines }) => [group, title, lines.length]), [
    ["monitor_agent", "monitor_agent_scripts_ms", 1],
    ["monitor_server", "monitor_server_reports_total", 2],
    ["monitor_server", "monitor_server_queue_bytes", 1],
  ]);
});
