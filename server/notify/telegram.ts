/**
 * Telegram's bots: `sendMessage`. The token is a part of the address there, so an address is never
 * shown. A bot that is told to slow down reads in the answer for how long.
 */
import { z } from "zod";
import type { ChannelKind, Delivery, Notification } from "./channel.ts";
import {
  commonFields,
  flagField,
  numberField,
  objectField,
  secretField,
  textField,
  urlField,
} from "./fields.ts";
import { bodyOf, cut, titleOf } from "./message.ts";
import { post } from "./post.ts";

/** A message has 4,096 characters after its signs are read; this leaves room for title and links. */
const BODY_CHARS_MAX = 3_500;
const TITLE_CHARS_MAX = 300;

const configSchema = objectField({
  kind: z.literal("telegram"),
  ...commonFields,
  token: secretField("the token of a bot, 123456:ABC…"),
  chat_id: z.union([
    numberField({
      min: Number.MIN_SAFE_INTEGER,
      max: Number.MAX_SAFE_INTEGER,
      what: "the id of a chat",
    }),
    textField("the name of a channel, @name"),
  ], { error: "must be given: the id of a chat, -100123, or the name of a channel, @name" }),
  message_thread_id: numberField({ min: 1, max: Number.MAX_SAFE_INTEGER, what: "a topic's id" })
    .optional(),
  quiet: flagField().default(false),
  api_url: urlField("the address of a Bot API server").default("https://api.telegram.org"),
});

type Config = z.infer<typeof configSchema>;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function payload(notification: Notification, config: Config): object {
  const title = escaped(cut(titleOf(notification), TITLE_CHARS_MAX));
  return {
    chat_id: config.chat_id,
    message_thread_id: config.message_thread_id,
    text: `<b>${title}</b>\n${escaped(cut(bodyOf(notification), BODY_CHARS_MAX))}`,
    parse_mode: "HTML",
    link_preview_options: { is_disabled: true },
    disable_notification: config.quiet || notification.status === "resolved",
  };
}

const refusalSchema = z.object({
  description: z.string().default(""),
  parameters: z.object({ retry_after: z.number().min(0).max(3_600).optional() }).optional(),
});

function readRefusal(answer: { status: number; text: string }): Delivery | undefined {
  if (answer.status !== 429) return undefined;
  try {
    const { description, parameters } = refusalSchema.parse(JSON.parse(answer.text));
    const retry_after_ms = (parameters?.retry_after ?? 0) * 1000 || undefined;
    const why = `Telegram answered 429: ${description.slice(0, 200)}`;
    return { outcome: "retryable", why, retry_after_ms };
  } catch {
    // an answer of something in between: its status says enough
    return undefined;
  }
}

export const telegram: ChannelKind<Config> = {
  kind: "telegram",
  secrets: ["token"],
  configSchema,
  async send(config, notification, context) {
    const { api_url, token, timeout_s } = config;
    const url = `${api_url.replace(/\/+$/, "")}/bot${token}/sendMessage`;
    const body = JSON.stringify(payload(notification, config));
    return await post({ url, body, timeout_s, read: readRefusal }, context);
  },
};
