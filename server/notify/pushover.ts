/**
 * Pushover: a form to its message API. Critical ones can be emergencies there, which ring until
 * somebody confirms; that is a setting, since the app keeps ringing after a problem has resolved.
 */
import { z } from "zod";
import type { ChannelKind, Notification, Severity } from "./channel.ts";
import {
  commonFields,
  flagField,
  objectField,
  secondsField,
  secretField,
  textField,
  urlField,
} from "./fields.ts";
import { bodyOf, cut, severityOf, titleOf } from "./message.ts";
import { post } from "./post.ts";

const TITLE_CHARS_MAX = 250;
const MESSAGE_CHARS_MAX = 1_024;
const URL_CHARS_MAX = 512;

const configSchema = objectField({
  kind: z.literal("pushover"),
  ...commonFields,
  token: secretField("the token of an application"),
  user: secretField("the key of a user or a group"),
  device: textField("the name of a device").optional(),
  sound: textField("the name of a sound").optional(),
  emergency: flagField().default(false),
  emergency_retry_s: secondsField({ min: 30, max: 10_800, what: "between two rings" })
    .default(60),
  emergency_expire_s: secondsField({ min: 30, max: 10_800, what: "how long it rings" })
    .default(3_600),
  api_url: urlField("the address of the API").default("https://api.pushover.net"),
});

type Config = z.infer<typeof configSchema>;

const PRIORITIES: Record<Severity, number> = { critical: 1, warning: 0 };

function fields(notification: Notification, config: Config): Record<string, string | undefined> {
  const severity = severityOf(notification);
  const firing = notification.status === "firing";
  const emergency = config.emergency && firing && severity === "critical";
  const { url } = notification;
  return {
    token: config.token,
    user: config.user,
    device: config.device,
    sound: config.sound,
    title: cut(titleOf(notification), TITLE_CHARS_MAX),
    message: cut(bodyOf({ ...notification, url: null }), MESSAGE_CHARS_MAX) || "no details",
    priority: String(emergency ? 2 : firing ? PRIORITIES[severity] : 0),
    retry: emergency ? String(config.emergency_retry_s) : undefined,
    expire: emergency ? String(config.emergency_expire_s) : undefined,
    url: url !== null && url.length <= URL_CHARS_MAX ? url : undefined,
    timestamp: String(Math.floor(notification.at_ms / 1000)),
  };
}

export const pushover: ChannelKind<Config> = {
  kind: "pushover",
  secrets: ["token", "user"],
  configSchema,
  async send(config, notification, context) {
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(fields(notification, config))) {
      if (value !== undefined) form.set(name, value);
    }
    return await post({
      url: `${config.api_url.replace(/\/+$/, "")}/1/messages.json`,
      body: form.toString(),
      content_type: "application/x-www-form-urlencoded",
      headers: { "idempotency-key": notification.key },
      timeout_s: config.timeout_s,
    }, context);
  },
};
