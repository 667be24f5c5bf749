/**
 * A POST of JSON to any address: the notification as it is, or a template's form of it. With a
 * `signing_secret` the receiver can tell that it is ours, and that nobody has kept and repeated it:
 *
 *   X-Monitor-Signature: t=1769860800,v1=<hex of HMAC-SHA256 with the secret of "<t>.<body>">
 *
 * It checks the HMAC in constant time, and that `t` is a few minutes old at most. A repeated attempt
 * is signed anew and has the same Idempotency-Key.
 */
import { createHmac } from "node:crypto";
import { z } from "zod";
import type { ChannelKind, Notification } from "./channel.ts";
import {
  choiceField,
  commonFields,
  mapField,
  objectField,
  secretField,
  secretUrlField,
} from "./fields.ts";
import { bodyOf, severityOf, titleOf } from "./message.ts";
import { post } from "./post.ts";
import { fillTemplate, TEMPLATE_NAMES, unknownPlaceholder } from "./template.ts";

const configSchema = objectField({
  kind: z.literal("webhook"),
  ...commonFields,
  url: secretUrlField("an address such as https://example.com/hook"),
  method: choiceField(["POST", "PUT"]).default("POST"),
  headers: mapField("headers of the request").optional(),
  signing_secret: secretField("a secret shared with the receiver").optional(),
  template: z.json().optional().superRefine((template, context) => {
    const unknown = unknownPlaceholder(template);
    if (unknown === undefined) return;
    context.addIssue({
      code: "custom",
      message: `must name only what there is (${TEMPLATE_NAMES.join(", ")}): ` +
        `current value has {{${unknown}}}`,
    });
  }),
});

type Config = z.infer<typeof configSchema>;

/** Times are seconds since 1970, as everywhere in the API. */
function plainBody(notification: Notification): object {
  const { incidents, at_ms, ...rest } = notification;
  return {
    version: 1,
    title: titleOf(notification),
    text: bodyOf(notification),
    severity: severityOf(notification),
    timestamp: at_ms / 1000,
    ...rest,
    incidents: incidents.map(({ opened_at_ms, resolved_at_ms, ...incident }) => ({
      ...incident,
      opened_at: opened_at_ms / 1000,
      resolved_at: resolved_at_ms === null ? null : resolved_at_ms / 1000,
    })),
  };
}

/** The value of X-Monitor-Signature. */
export function signature(body: string, options: { secret: string; now_ms: number }): string {
  const t = Math.floor(options.now_ms / 1000);
  const v1 = createHmac("sha256", options.secret).update(`${t}.${body}`).digest("hex");
  return `t=${t},v1=${v1}`;
}

export const webhook: ChannelKind<Config> = {
  kind: "webhook",
  secrets: ["url", "signing_secret", "headers"],
  configSchema,
  async send(config, notification, context) {
    const { url, method, headers, signing_secret, template, timeout_s } = config;
    const body = JSON.stringify(
      template === undefined ? plainBody(notification) : fillTemplate(template, notification),
    );
    const signed: Record<string, string> = signing_secret === undefined ? {} : {
      "x-monitor-signature": signature(body, {
        secret: signing_secret,
        now_ms: context.clock.now(),
      }),
    };
    const all = { "idempotency-key": notification.key, ...headers, ...signed };
    return await post({ url, method, body, headers: all, timeout_s }, context);
  },
};
