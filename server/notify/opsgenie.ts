/**
 * Opsgenie, and Jira Service Management, whose integration API has the same calls: an alert by its
 * alias, which is the group; closing it by the same alias. Both answer 202 and do it later. An alert
 * that is closed already, or never was, can be closed again.
 */
import { z } from "zod";
import type { ChannelKind, Notification, Severity } from "./channel.ts";
import {
  commonFields,
  mapField,
  objectField,
  secretField,
  textsField,
  urlField,
} from "./fields.ts";
import { bodyOf, cut, severityOf, titleOf } from "./message.ts";
import { post } from "./post.ts";

const MESSAGE_CHARS_MAX = 130;
const DESCRIPTION_CHARS_MAX = 15_000;

const configSchema = objectField({
  kind: z.literal("opsgenie"),
  ...commonFields,
  api_key: secretField("the API key of an integration"),
  api_url: urlField("the address of the API; https://api.eu.opsgenie.com for accounts in the EU")
    .default("https://api.opsgenie.com"),
  tags: textsField("a tag").optional(),
  teams: textsField("the name of a team").optional(),
  details: mapField("details of the alert").optional(),
});

type Config = z.infer<typeof configSchema>;

const PRIORITIES: Record<Severity, string> = { critical: "P1", warning: "P3" };

function alert(notification: Notification, config: Config): object {
  return {
    message: cut(titleOf(notification), MESSAGE_CHARS_MAX),
    alias: notification.group_key,
    description: cut(bodyOf(notification), DESCRIPTION_CHARS_MAX),
    source: "monitor",
    entity: notification.incidents[0]?.hostname,
    priority: PRIORITIES[severityOf(notification)],
    tags: config.tags,
    responders: config.teams?.map((name) => ({ type: "team", name })),
    details: { ...notification.group_labels, ...config.details },
  };
}

export const opsgenie: ChannelKind<Config> = {
  kind: "opsgenie",
  secrets: ["api_key"],
  configSchema,
  async send(config, notification, context) {
    const { api_key, timeout_s } = config;
    const alerts = `${config.api_url.replace(/\/+$/, "")}/v2/alerts`;
    const resolved = notification.status === "resolved";
    const alias = encodeURIComponent(notification.group_key);
    return await post({
      url: resolved ? `${alerts}/${alias}/close?identifierType=alias` : alerts,
      body: JSON.stringify(
        resolved
          ? { source: "monitor", note: cut(titleOf(notification), MESSAGE_CHARS_MAX) }
          : alert(notification, config),
      ),
      headers: { authorization: `GenieKey ${api_key}`, "idempotency-key": notification.key },
      timeout_s,
    }, context);
  },
};
