/** ntfy, ntfy.sh or a server of one's own: a message as JSON to the server's root. */
import { z } from "zod";
import type { ChannelKind, Notification, Severity } from "./channel.ts";
import { commonFields, objectField, secretField, textField, urlField } from "./fields.ts";
import { bodyOf, cut, severityOf, titleOf } from "./message.ts";
import { post } from "./post.ts";

/** Messages over 4,096 bytes become attachments; a character has up to four. */
const MESSAGE_BYTES_MAX = 4_000;
const TITLE_CHARS_MAX = 240;

const configSchema = objectField({
  kind: z.literal("ntfy"),
  ...commonFields,
  url: urlField("the address of an ntfy server").default("https://ntfy.sh"),
  topic: secretField("the name of a topic (whoever knows it can read it)"),
  token: secretField("an access token, tk_…").optional(),
  username: textField("a user name").optional(),
  password: secretField("a password").optional(),
});

type Config = z.infer<typeof configSchema>;

const PRIORITIES: Record<Severity, number> = { critical: 5, warning: 4 };
const TAGS: Record<Severity, string> = { critical: "rotating_light", warning: "warning" };
const encoder = new TextEncoder();

function payload(notification: Notification, topic: string): object {
  const severity = severityOf(notification);
  const resolved = notification.status === "resolved";
  let message = bodyOf({ ...notification, url: null });
  while (encoder.encode(message).length > MESSAGE_BYTES_MAX) {
    message = cut(message, Math.floor([...message].length * 0.9));
  }
  return {
    topic,
    title: cut(titleOf(notification), TITLE_CHARS_MAX),
    message,
    priority: resolved ? 3 : PRIORITIES[severity],
    tags: [resolved ? "white_check_mark" : TAGS[severity]],
    click: notification.url ?? undefined,
  };
}

function authorization({ token, username, password }: Config): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  const bytes = encoder.encode(`${username}:${password ?? ""}`);
  return { authorization: `Basic ${bytes.toBase64()}` };
}

export const ntfy: ChannelKind<Config> = {
  kind: "ntfy",
  secrets: ["topic", "token", "password"],
  configSchema,
  async send(config, notification, context) {
    const { url, topic, timeout_s } = config;
    const body = JSON.stringify(payload(notification, topic));
    const headers = { ...authorization(config), "idempotency-key": notification.key };
    return await post({ url, body, headers, timeout_s }, context);
  },
};
