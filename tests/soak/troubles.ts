/**
 * Hosts that get into trouble, one after the other, each for some seconds, and whether somebody was
 * told: of each trouble once that it began and once that it was over, in this order.
 */
import type { WebhookCollector } from "../support/webhook_collector.ts";
import { hostName, TROUBLE_METRIC } from "./senders.ts";

export interface TroublePlan {
  hosts: number;
  /** Seconds of the run between the beginnings of two troubles. */
  every_s: number;
  /** Seconds one lasts. */
  lasts_s: number;
}

/** In a short run more happens in a second. */
export function troublePlan(hosts: number, seconds: number): TroublePlan {
  return seconds >= 600 ? { hosts, every_s: 5, lasts_s: 15 } : { hosts, every_s: 1, lasts_s: 4 };
}

const hostOf = (trouble: number, { hosts }: TroublePlan) => trouble % hosts;

/** Troubles that are over by `end_s` and began after the first seconds. */
function troublesUntil(end_s: number, { every_s, lasts_s }: TroublePlan): number {
  return Math.max(0, Math.floor((end_s - 2 * lasts_s) / every_s));
}

/** Is this host in trouble in this second? None begins that could not be over at `end_s`. */
export function isInTrouble(
  host: number,
  second: number,
  plan: TroublePlan & { end_s: number },
): boolean {
  const { every_s, lasts_s } = plan;
  const last = Math.floor((second - lasts_s) / every_s);
  const first = Math.ceil((second - 2 * lasts_s + 1) / every_s);
  const count = troublesUntil(plan.end_s, plan);
  for (let trouble = Math.max(0, first); trouble <= Math.min(last, count - 1); trouble++) {
    if (hostOf(trouble, plan) === host) return true;
  }
  return false;
}

/** By host, how often it was in trouble until the run ended in `end_s`. */
export function expectedTroubles(plan: TroublePlan & { end_s: number }, ended_s: number) {
  const expected = new Map<string, number>();
  const count = Math.min(troublesUntil(plan.end_s, plan), troublesUntil(ended_s, plan));
  for (let trouble = 0; trouble < count; trouble++) {
    const name = hostName(hostOf(trouble, plan));
    expected.set(name, (expected.get(name) ?? 0) + 1);
  }
  return expected;
}

/** By host the words told, one a key: `firing`, `resolved`, … */
export function wordsTold({ received }: Pick<WebhookCollector, "received">) {
  const keys = new Set<string>();
  const words = new Map<string, string[]>();
  for (const { text } of received) {
    const { key, status, incidents } = JSON.parse(text);
    if (keys.has(key)) continue;
    keys.add(key);
    const name = incidents[0].hostname;
    words.set(name, [...words.get(name) ?? [], status]);
  }
  return words;
}

/** What was not told as it had to be; empty when all was. */
export function troubleFaults(
  expected: ReadonlyMap<string, number>,
  told: ReadonlyMap<string, readonly string[]>,
): string[] {
  return [...expected].flatMap(([name, times]) => {
    const right = Array.from({ length: times }, () => ["firing", "resolved"]).flat().join(" ");
    const words = (told.get(name) ?? []).join(" ");
    // one that an early end cut off may have been told as well
    return words === right || words.startsWith(`${right} firing`)
      ? []
      : [`told of ${name}: "${words}", should be "${right}"`];
  });
}

/** Rules as a fleet has them: one for the troubles, and others that look and find nothing. */
export function soakRules(): Record<string, unknown>[] {
  const name = (i: number) => `m_${String(i).padStart(3, "0")}`;
  return [
    {
      name: "trouble",
      metric: TROUBLE_METRIC,
      hosts: "soak-*",
      condition: "above",
      threshold: 90,
      flapping: false,
    },
    ...Array.from({ length: 40 }, (_, i) => ({
      name: `threshold ${i}`,
      metric: name(i + 1),
      condition: "above",
      warning: 1e12,
      critical: 2e12,
    })),
    { name: "rate", metric: name(4), condition: "rate", threshold: 1e12 },
    { name: "change", metric: name(2), condition: "change", threshold: 1e12 },
    {
      name: "forecast",
      metric: name(3),
      hosts: "soak-00*",
      condition: "forecast",
      threshold: 1e12,
    },
    { name: "missing", metric: name(5), hosts: "soak-*", condition: "no_data", for: "5m" },
    { name: "silent", hosts: "soak-*", condition: "host_silent", for: "5m" },
  ];
}
