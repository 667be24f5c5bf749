/**
 * Microsoft Teams, by a workflow ("Post to a channel when a webhook request is received"): an adaptive
 * card in a message. A workflow answers 202 before anything is shown. The older connectors took other
 * cards and are gone.
 */
import { z } from "zod";
import type { ChannelKind, Notification } from "./channel.ts";
import { commonFields, objectField, secretUrlField } from "./fields.ts";
import { cut, lineOf, severityOf, titleOf } from "./message.ts";
import { post } from "./post.ts";

/** A message takes 28 kB; a card of this many lines is well below it. */
const LINES_MAX = 25;
const LINE_CHARS_MAX = 500;

const configSchema = objectField({
  kind: z.literal("teams"),
  ...commonFields,
  url: secretUrlField("the address of a workflow that waits for a webhook request"),
});

type Config = z.infer<typeof configSchema>;

const COLOURS = { critical: "Attention", warning: "Warning" } as const;

/** Signs that a TextBlock would read as formatting. */
function escaped(text: string): string {
  return text.replaceAll(/[\\*_[\]]/g, "\\$&");
}

function block(text: string, more: object = {}): object {
  return { type: "TextBlock", text: escaped(cut(text, LINE_CHARS_MAX)), wrap: true, ...more };
}

function card(notification: Notification): object {
  const { incidents, left_out, url, at_ms, status } = notification;
  const color = status === "resolved" ? "Good" : COLOURS[severityOf(notification)];
  const lines = incidents.slice(0, LINES_MAX).map((incident) => block(lineOf(incident, at_ms)));
  const more = left_out + Math.max(0, incidents.length - LINES_MAX);
  const links = [
    ...url === null ? [] : [{ type: "Action.OpenUrl", title: "Open", url }],
    ...[...new Set(incidents.flatMap(({ runbook_url }) => runbook_url ?? []))].slice(0, 3)
      .map((runbook) => ({ type: "Action.OpenUrl", title: "Runbook", url: runbook })),
  ];
  return {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    msteams: { width: "Full" },
    body: [
      block(titleOf(notification), { weight: "Bolder", size: "Medium", style: "heading", color }),
      ...lines,
      ...more > 0 ? [block(`… and ${more} more`)] : [],
    ],
    actions: links,
  };
}

export const teams: ChannelKind<Config> = {
  kind: "teams",
  secrets: ["url"],
  configSchema,
  async send({ url, timeout_s }, notification, context) {
    const body = JSON.stringify({
      type: "message",
      attachments: [{
        contentType: "application/vnd.microsoft.card.adaptive",
        contentUrl: null,
        content: card(notification),
      }],
    });
    const headers = { "idempotency-key": notification.key };
    return await post({ url, body, headers, timeout_s }, context);
  },
};
