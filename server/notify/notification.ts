/** From a look at a group to the message that is sent: everything a channel needs, and no more. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { MemberRow } from "../../db/notification_groups.ts";
import {
  INCIDENTS_TOLD_MAX,
  type Notification,
  type NotifiedIncident,
  type Reason,
} from "./channel.ts";
import type { GroupState, Look, Member } from "./group.ts";

/** PagerDuty takes 255 characters, and a sequence follows. */
const GROUP_KEY_CHARS_MAX = 200;
const DIGEST_CHARS = 24;

/** Names of labels that are told by themselves. */
const OWN_LABELS = ["host", "metric", "rule", "severity"];

export type MemberIncident = MemberRow & Member;

/** Unique for route, channel, step of escalation and labels; readable as far as its length allows. */
export function groupKey(
  place: Pick<GroupState, "route" | "channel" | "after_ms">,
  labels: Readonly<Record<string, string>>,
): string {
  const step = place.after_ms > 0 ? `+${place.after_ms / 1000}s` : "";
  const values = Object.keys(labels).sort().map((name) => `${name}=${labels[name]}`).join(",");
  const key = `${place.route}/${place.channel}${step}/${values}`;
  // what a mail header or a URL would have to fold or escape is in the digest alone
  const plain = key.replaceAll(/[^\x20-\x7e]/g, "?");
  if (plain === key && key.length <= GROUP_KEY_CHARS_MAX) return key;
  const digest = createHash("sha256").update(key).digest("hex").slice(0, DIGEST_CHARS);
  return `${plain.slice(0, GROUP_KEY_CHARS_MAX - DIGEST_CHARS - 1)}~${digest}`;
}

/** The key of a group's next message. A group that ended and began anew makes others. */
export function messageKey(group_key: string, { born_ms, sequence }: GroupState): string {
  return `${group_key}#${born_ms.toString(36)}.${sequence + 1}`;
}

const ruleSchema = z.looseObject({ name: z.string().optional(), runbook: z.string().optional() });

function incidentOf(member: MemberIncident, state: "firing" | "resolved"): NotifiedIncident {
  const rule = ruleSchema.safeParse(member.rule).data;
  return {
    id: member.id,
    state,
    rule: member.labels.rule ?? rule?.name ?? "",
    severity: member.severity,
    hostname: member.hostname,
    metric: member.metric === "" ? null : member.metric,
    summary: member.summary,
    value: member.value,
    labels: Object.fromEntries(
      Object.entries(member.labels).filter(([name]) => !OWN_LABELS.includes(name)),
    ),
    runbook_url: rule?.runbook ?? null,
    opened_at_ms: member.opened_ms,
    resolved_at_ms: member.resolved_ms,
    ...member.flapping ? { flapping: true } : {},
  };
}

export interface MessageOptions {
  group_key: string;
  labels: Record<string, string>;
  reason: Reason;
  /** Of the page where people look. */
  page_url: string | null;
  now_ms: number;
}

export function notificationOf(
  state: GroupState,
  found: Pick<Look<MemberIncident>, "firing" | "resolved">,
  options: MessageOptions,
): Notification {
  const { group_key, labels, reason, page_url, now_ms } = options;
  const all = [
    ...found.firing.map((member) => incidentOf(member, "firing")),
    ...found.resolved.map((member) => incidentOf(member, "resolved")),
  ];
  return {
    key: messageKey(group_key, state),
    group_key,
    channel: state.channel,
    status: found.firing.length > 0 ? "firing" : "resolved",
    reason,
    group_labels: labels,
    incidents: all.slice(0, INCIDENTS_TOLD_MAX),
    left_out: Math.max(0, all.length - INCIDENTS_TOLD_MAX),
    url: page_url,
    at_ms: now_ms,
  };
}

/** A message of no incident, to see whether a channel works. */
export function testNotification(channel: string, now_ms: number): Notification {
  return {
    key: `test/${channel}#${crypto.randomUUID()}`,
    group_key: `test/${channel}`,
    channel,
    status: "firing",
    reason: "test",
    group_labels: { rule: "test" },
    incidents: [{
      id: 0,
      state: "firing",
      rule: "test",
      severity: "warning",
      hostname: "monitor",
      metric: null,
      summary: `This is a test of the channel "${channel}": nothing is wrong`,
      value: null,
      labels: {},
      runbook_url: null,
      opened_at_ms: now_ms,
      resolved_at_ms: null,
    }],
    left_out: 0,
    url: null,
    at_ms: now_ms,
  };
}

/** What was written into the outbox comes back out of it as it was. */
export const payloadSchema: z.ZodType<Notification> = z.custom<Notification>(
  (value) =>
    typeof value === "object" && value !== null && "key" in value && "incidents" in value &&
    Array.isArray(value.incidents),
);
