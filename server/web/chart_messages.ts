/** Which messages belong to which chart, and which of them is where the cursor is: pure. */
import type { ChartPlan } from "./chart_data.ts";
import type { Span } from "./range.ts";

export interface Message {
  metric: string;
  /** Unix seconds. */
  at: number;
  message: string;
}

/** The collector or metric that a name begins with. */
function headOf(metric: string): string {
  return /^[^.{]+/.exec(metric)?.[0] ?? metric;
}

/**
 * Which messages belong to which chart, by the chart's key. One about a metric that is in no chart is
 * about its collector: it belongs to the first of that group.
 */
export function messagesByChart(
  plans: readonly Pick<ChartPlan, "key" | "group" | "lines">[],
  messages: readonly Message[],
): Map<string, Message[]> {
  const by_metric = new Map<string, string>();
  const by_group = new Map<string, string>();
  for (const { key, group, lines } of plans) {
    if (!by_group.has(group)) by_group.set(group, key);
    for (const { series } of lines) by_metric.set(series.metric, key);
  }
  const found = new Map<string, Message[]>();
  for (const message of messages) {
    const key = by_metric.get(message.metric) ?? by_group.get(headOf(message.metric));
    if (key === undefined) continue;
    const list = found.get(key);
    if (list === undefined) found.set(key, [message]);
    else list.push(message);
  }
  return found;
}

/** As near as this the cursor is at a tick: a part of the chart's width. */
const NEAR_SHARE = 1 / 60;

/** The message nearest to a moment, if one is near. */
export function messageAt(
  messages: readonly Message[],
  at_s: number | undefined,
  { from_s, to_s }: Span,
): Message | undefined {
  if (at_s === undefined) return undefined;
  let nearest: Message | undefined;
  let away_s = (to_s - from_s) * NEAR_SHARE;
  for (const message of messages) {
    const distance_s = Math.abs(message.at - at_s);
    if (distance_s <= away_s) [nearest, away_s] = [message, distance_s];
  }
  return nearest;
}
