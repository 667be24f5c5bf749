/**
 * What every channel is: a kind with settings, and a function that sends one notification. A channel
 * decides nothing: who is told what, and when, is the pipeline's business. It answers how it went:
 *
 *   delivered   the receiver has it
 *   retryable   it may have it later: no connection, no answer in time, too many requests, 5xx
 *   permanent   the same again would fail again: a wrong address, a token that is not accepted
 *
 * with a sentence for the person who has to repair it. A sentence never holds a secret: the values of
 * `secrets` are struck out of it before anybody sees it (`struckOut`).
 *
 * The same notification may be sent twice, when its sender dies before it has written down that it
 * was sent. Both have the same `key`; every channel hands it on in the form its receiver knows.
 */
import type { z } from "zod";
import type { Clock } from "../../clock.ts";

export const SEVERITIES = ["critical", "warning"] as const;
export type Severity = typeof SEVERITIES[number];

/** Why somebody is told. */
export const REASONS = ["first", "changed", "resolved", "repeat_interval", "escalation"] as const;
export type Reason = typeof REASONS[number] | "test";

/** One incident as it is told. Times are milliseconds since 1970. */
export interface NotifiedIncident {
  id: number;
  state: "firing" | "resolved";
  rule: string;
  severity: Severity;
  hostname: string;
  /** Null for what concerns a host as a whole. */
  metric: string | null;
  /** One line: what is wrong. */
  summary: string;
  value: number | null;
  labels: Record<string, string>;
  runbook_url: string | null;
  opened_at_ms: number;
  resolved_at_ms: number | null;
  /** It opens and resolves again and again, and is told as one until it has been quiet. */
  flapping?: boolean;
}

export interface Notification {
  /** The same for every attempt to deliver this notification, and for no other one. */
  key: string;
  /** The same from the first message about a problem to its resolution. */
  group_key: string;
  channel: string;
  /** Firing as long as one of the incidents is. */
  status: "firing" | "resolved";
  reason: Reason;
  group_labels: Record<string, string>;
  /** Firing ones first, the gravest and oldest before others; at most `INCIDENTS_TOLD_MAX`. */
  incidents: NotifiedIncident[];
  /** How many more there are. */
  left_out: number;
  /** Where to look, when the server knows its own address. */
  url: string | null;
  at_ms: number;
}

/** More than this nobody reads in a message; how many more there are is said. */
export const INCIDENTS_TOLD_MAX = 50;

export type Delivery =
  | { outcome: "delivered" }
  | { outcome: "retryable"; why: string; retry_after_ms?: number }
  | { outcome: "permanent"; why: string };

export interface SendContext {
  clock: Clock;
  /** Aborted when the server stops, or the channel has had its time. */
  signal: AbortSignal;
}

export interface ChannelKind<C = unknown> {
  kind: string;
  /** Settings that are never shown, and that may stand in a file or the environment. */
  secrets: readonly string[];
  configSchema: z.ZodType<C>;
  send(config: C, notification: Notification, context: SendContext): Promise<Delivery>;
}

/** Shorter values stand in many a text by chance, and are no secrets worth the name. */
const SECRET_CHARS_MIN = 4;

/** `text` without the given secrets, in whatever form they may stand there. */
export function struckOut(text: string, secrets: readonly string[]): string {
  const forms = secrets.flatMap((secret) => [secret, encodeURIComponent(secret)])
    .filter((form) => form.length >= SECRET_CHARS_MIN)
    .sort((one, other) => other.length - one.length);
  return forms.reduce((left, form) => left.replaceAll(form, "…"), text);
}

/** Shorter parts of an address (`api`, `v2`, `hooks`) open nothing. */
const ADDRESS_PART_CHARS_MIN = 8;

/** A receiver may say a part of its address: what stands in it behind the host's name. */
function partsOf(secret: string): string[] {
  if (!URL.canParse(secret)) return [];
  const { username, password, pathname, searchParams } = new URL(secret);
  return [
    username,
    password,
    ...pathname.split("/").map(decodeURIComponent),
    ...searchParams.values(),
  ]
    .filter((part) => part.length >= ADDRESS_PART_CHARS_MIN);
}

/** Secret values of a channel's settings, and what of them would be one alone. */
export function secretsOf(kind: Pick<ChannelKind, "secrets">, config: object): string[] {
  const values = Object.entries(config).flatMap(([name, value]) => {
    if (!kind.secrets.includes(name)) return [];
    if (typeof value === "string") return [value];
    return typeof value === "object" && value !== null
      ? Object.values(value).filter((one) => typeof one === "string")
      : [];
  });
  return values.flatMap((value) => [value, ...partsOf(value)]);
}
