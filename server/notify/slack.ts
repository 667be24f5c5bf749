/**
 * Slack's incoming webhooks, and what speaks like them (Mattermost, Rocket.Chat). Slack answers `ok`;
 * trouble is a status with a word such as `no_service`. Only `&`, `<` and `>` steer a text there.
 */
import { z } from "zod";
import type { ChannelKind, Notification } from "./channel.ts";
import { commonFields, objectField, secretUrlField, textField } from "./fields.ts";
import { bodyOf, cut, hexColour, titleOf } from "./message.ts";
import { post } from "./post.ts";

/** A section block takes 3,000 characters, escapes included. */
const TEXT_CHARS_MAX = 2_900;
const TITLE_CHARS_MAX = 150;

const configSchema = objectField({
  kind: z.literal("slack"),
  ...commonFields,
  url: secretUrlField("the address of an incoming webhook, https://hooks.slack.com/services/…"),
  /** For servers that take them from the message; Slack itself has them in the webhook. */
  channel: textField("the name of a channel such as #ops").optional(),
  username: textField("the name to write under").optional(),
});

type Config = z.infer<typeof configSchema>;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Cut before it is escaped, so that no escape is halved, and shorter when there are many. */
function shortened(text: string, chars: number): string {
  let wanted = chars;
  while (escaped(cut(text, wanted)).length > chars) wanted = Math.floor(wanted * 0.9);
  return escaped(cut(text, wanted));
}

function payload(notification: Notification, config: Config): object {
  const title = shortened(titleOf(notification), TITLE_CHARS_MAX);
  const { url } = notification;
  const head = url === null ? `*${title}*` : `*<${url}|${title}>*`;
  const text = shortened(bodyOf({ ...notification, url: null }), TEXT_CHARS_MAX);
  return {
    channel: config.channel,
    username: config.username,
    // what a phone shows, and all that a client without blocks has
    text: title,
    attachments: [{
      color: hexColour(notification),
      fallback: title,
      blocks: [
        { type: "section", text: { type: "mrkdwn", text: head } },
        { type: "section", text: { type: "mrkdwn", text: text === "" ? " " : text } },
      ],
    }],
  };
}

export const slack: ChannelKind<Config> = {
  kind: "slack",
  secrets: ["url"],
  configSchema,
  async send(config, notification, context) {
    const { url, timeout_s } = config;
    const body = JSON.stringify(payload(notification, config));
    const headers = { "idempotency-key": notification.key };
    return await post({ url, body, headers, timeout_s }, context);
  },
};
