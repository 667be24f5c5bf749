/**
 * PagerDuty, Events API v2. The group is its `dedup_key`: telling again is the same incident there, and
 * resolving resolves it, also when a message was sent twice.
 */
import { z } from "zod";
import type { ChannelKind, Notification } from "./channel.ts";
import { commonFields, objectField, secretField, textField, urlField } from "./fields.ts";
import { bodyOf, cut, severityOf, titleOf } from "./message.ts";
import { post } from "./post.ts";

const SUMMARY_CHARS_MAX = 1_024;
const DETAILS_CHARS_MAX = 20_000;

const configSchema = objectField({
  kind: z.literal("pagerduty"),
  ...commonFields,
  routing_key: secretField("the integration key of a service (Events API v2)"),
  component: textField("what part of the service").optional(),
  api_url: urlField("the address of the Events API").default("https://events.pagerduty.com"),
});

type Config = z.infer<typeof configSchema>;

function event(notification: Notification, config: Config): object {
  const { status, group_key, url, incidents, group_labels } = notification;
  const base = { routing_key: config.routing_key, dedup_key: group_key };
  if (status === "resolved") return { ...base, event_action: "resolve" };
  const [first] = incidents;
  const opened_ms = Math.min(...incidents.map(({ opened_at_ms }) => opened_at_ms));
  const runbooks = [...new Set(incidents.flatMap(({ runbook_url }) => runbook_url ?? []))];
  return {
    ...base,
    event_action: "trigger",
    client: "monitor",
    client_url: url ?? undefined,
    links: runbooks.slice(0, 10).map((href) => ({ href, text: "Runbook" })),
    payload: {
      summary: cut(titleOf(notification), SUMMARY_CHARS_MAX),
      source: first?.hostname ?? "monitor",
      severity: severityOf(notification),
      timestamp: Number.isFinite(opened_ms) ? new Date(opened_ms).toISOString() : undefined,
      component: config.component,
      group: first?.labels.group,
      class: first?.rule,
      custom_details: {
        ...group_labels,
        text: cut(bodyOf(notification), DETAILS_CHARS_MAX),
        firing: incidents.filter(({ state }) => state === "firing").length +
          notification.left_out,
        reason: notification.reason,
      },
    },
  };
}

export const pagerduty: ChannelKind<Config> = {
  kind: "pagerduty",
  secrets: ["routing_key"],
  configSchema,
  async send(config, notification, context) {
    return await post({
      url: `${config.api_url.replace(/\/+$/, "")}/v2/enqueue`,
      body: JSON.stringify(event(notification, config)),
      headers: { "idempotency-key": notification.key },
      timeout_s: config.timeout_s,
    }, context);
  },
};
