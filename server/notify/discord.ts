/**
 * Discord's webhooks. With `wait=true` the answer comes after the message is there, so that a refusal
 * is seen. No name of a host can mention anybody: mentions are switched off.
 */
import { z } from "zod";
import type { ChannelKind, Delivery, Notification } from "./channel.ts";
import { commonFields, objectField, secretUrlField, textField } from "./fields.ts";
import { bodyOf, colourOf, cut, titleOf } from "./message.ts";
import { placeOf, post } from "./post.ts";

const TITLE_CHARS_MAX = 256;
const DESCRIPTION_CHARS_MAX = 4_096;

const configSchema = objectField({
  kind: z.literal("discord"),
  ...commonFields,
  url: secretUrlField("the address of a webhook, https://discord.com/api/webhooks/…"),
  username: textField("the name to write under").optional(),
});

type Config = z.infer<typeof configSchema>;

/** Signs that Discord would read as formatting. */
function escaped(text: string): string {
  return text.replaceAll(/[\\*_~`|>#[\]]/g, "\\$&");
}

function shortened(text: string, chars: number): string {
  let wanted = chars;
  while ([...escaped(cut(text, wanted))].length > chars) wanted = Math.floor(wanted * 0.9);
  return escaped(cut(text, wanted));
}

function payload(notification: Notification, config: Config): object {
  return {
    username: config.username,
    allowed_mentions: { parse: [] },
    embeds: [{
      title: shortened(titleOf(notification), TITLE_CHARS_MAX),
      description: shortened(bodyOf({ ...notification, url: null }), DESCRIPTION_CHARS_MAX),
      url: notification.url ?? undefined,
      color: colourOf(notification),
      timestamp: new Date(notification.at_ms).toISOString(),
    }],
  };
}

/** `{"message": "You are being rate limited.", "retry_after": 0.85}` */
const limitedSchema = z.object({ retry_after: z.number().min(0).max(3_600) });

function readLimit(place: string) {
  return (answer: { status: number; text: string }): Delivery | undefined => {
    if (answer.status !== 429) return undefined;
    try {
      const { retry_after } = limitedSchema.parse(JSON.parse(answer.text));
      const why = `${place} answered 429: too many messages, more in ${retry_after} s`;
      return { outcome: "retryable", why, retry_after_ms: retry_after * 1000 };
    } catch {
      // an answer of something in between: its status and headers say enough
      return undefined;
    }
  };
}

export const discord: ChannelKind<Config> = {
  kind: "discord",
  secrets: ["url"],
  configSchema,
  async send(config, notification, context) {
    const url = new URL(config.url);
    url.searchParams.set("wait", "true");
    const body = JSON.stringify(payload(notification, config));
    const headers = { "idempotency-key": notification.key };
    const read = readLimit(placeOf(config.url));
    const { timeout_s } = config;
    return await post({ url: url.href, body, headers, read, timeout_s }, context);
  },
};
