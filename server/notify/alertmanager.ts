/**
 * The body that Prometheus' Alertmanager posts to a webhook (version 4), for the many programs that
 * read it. An alert's identity there is its set of labels, of which `fingerprint` is a hash.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { ChannelKind, Notification, NotifiedIncident } from "./channel.ts";
import { commonFields, objectField, secretField, secretUrlField, textField } from "./fields.ts";
import { post } from "./post.ts";

const configSchema = objectField({
  kind: z.literal("alertmanager"),
  ...commonFields,
  url: secretUrlField("the address of a receiver of Alertmanager's webhooks"),
  username: textField("a user name").optional(),
  password: secretField("a password").optional(),
  token: secretField("a token, sent as Authorization: Bearer").optional(),
});

type Config = z.infer<typeof configSchema>;

/** How Go writes a time that is not set. */
const NO_TIME = "0001-01-01T00:00:00Z";

function labelsOf(incident: NotifiedIncident): Record<string, string> {
  return {
    ...incident.labels,
    alertname: incident.rule,
    instance: incident.hostname,
    severity: incident.severity,
    ...incident.metric === null ? {} : { metric: incident.metric },
  };
}

function fingerprintOf(labels: Record<string, string>): string {
  const text = Object.keys(labels).sort().map((name) => `${name}\xff${labels[name]}\xff`).join("");
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function alertOf(incident: NotifiedIncident, url: string | null): AlertmanagerAlert {
  const labels = labelsOf(incident);
  const { resolved_at_ms, runbook_url } = incident;
  const annotations: Record<string, string> = { summary: incident.summary };
  if (incident.value !== null) annotations.value = String(incident.value);
  if (runbook_url !== null) annotations.runbook_url = runbook_url;
  return {
    status: incident.state,
    labels,
    annotations,
    startsAt: new Date(incident.opened_at_ms).toISOString(),
    endsAt: resolved_at_ms === null ? NO_TIME : new Date(resolved_at_ms).toISOString(),
    generatorURL: url ?? "",
    fingerprint: fingerprintOf(labels),
  };
}

interface AlertmanagerAlert {
  status: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  generatorURL: string;
  fingerprint: string;
}

/** What all of them say alike. */
function common(maps: readonly Record<string, string>[]): Record<string, string> {
  const [first = {}, ...others] = maps;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((one) => one[name] === value)),
  );
}

function payload(notification: Notification): object {
  const { incidents, url, status, channel, group_labels, group_key, left_out } = notification;
  const alerts = incidents.map((incident) => alertOf(incident, url));
  const { rule, ...labels } = group_labels;
  return {
    version: "4",
    groupKey: group_key,
    truncatedAlerts: left_out,
    status,
    receiver: channel,
    groupLabels: rule === undefined ? labels : { ...labels, alertname: rule },
    commonLabels: common(alerts.map((alert) => alert.labels)),
    commonAnnotations: common(alerts.map((alert) => alert.annotations)),
    externalURL: url ?? "",
    alerts,
  };
}

function authorization({ token, username, password }: Config): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  const bytes = new TextEncoder().encode(`${username}:${password ?? ""}`);
  return { authorization: `Basic ${bytes.toBase64()}` };
}

export const alertmanager: ChannelKind<Config> = {
  kind: "alertmanager",
  secrets: ["url", "password", "token"],
  configSchema,
  async send(config, notification, context) {
    const { url, timeout_s } = config;
    const headers = { ...authorization(config), "idempotency-key": notification.key };
    return await post(
      { url, body: JSON.stringify(payload(notification)), headers, timeout_s },
      context,
    );
  },
};
