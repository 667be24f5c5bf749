import assert from "node:assert/strict";
import { planCharts } from "../../../server/web/chart_data.ts";
import { messageAt, messagesByChart } from "../../../server/web/chart_messages.ts";

const said = (metric: string, at: number) => ({ metric, at, message: `${metric} at ${at}` });

Deno.test("messagesByChart() finds the metric's chart, or the first of its collector", () => {
  const series = (metric: string) => ({ metric, unit: null, kind: "gauge" as const, t: [1] });
  const plans = planCharts([
    series("orders.open"),
    series("orders.paid"),
    series("cpu_usage"),
    series("cpu_usage.user"),
  ]);
  const found = messagesByChart(plans, [
    said("orders", 1),
    said("orders.paid", 2),
    said("cpu_usage", 3),
    said("nothing.drawn", 4),
  ]);
  const titles = new Map(plans.map(({ key, title }) => [key, title]));
  assert.deepEqual(
    [...found].map(([key, list]) => [titles.get(key), list.map(({ at }) => at)]),
    [["orders.open", [1]], ["orders.paid", [2]], ["Processors busy", [3]]],
  );
});

Deno.test("messageAt() is the nearest one, when one is near", () => {
  const span = { from_s: 0, to_s: 600 };
  const messages = [said("a", 100), said("b", 104), said("c", 300)];
  assert.equal(messageAt(messages, 103, span)?.metric, "b");
  assert.equal(messageAt(messages, 110, span)?.metric, "b");
  assert.equal(messageAt(messages, 150, span), undefined);
  assert.equal(messageAt(messages, undefined, span), undefined);
});
