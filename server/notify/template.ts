/**
 * Templates of JSON, for webhooks whose receiver wants a form of its own. A template is JSON; in its
 * texts `{{name}}` stands for a value of the notification. A text that is one placeholder and nothing
 * else becomes the value itself: `"{{incidents}}"` a list, `"{{value}}"` a number. So the result is
 * JSON whatever the values hold, and nothing has to be escaped.
 */
import type { Notification } from "./channel.ts";
import { bodyOf, severityOf, titleOf } from "./message.ts";

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

const PLACEHOLDER = /\{\{\s*([\w.]+)\s*\}\}/g;
const ONLY_PLACEHOLDER = /^\{\{\s*([\w.]+)\s*\}\}$/;

/** Everything a template may name. */
const VALUES: Record<string, (notification: Notification) => unknown> = {
  title: titleOf,
  text: bodyOf,
  severity: severityOf,
  status: ({ status }) => status,
  reason: ({ reason }) => reason,
  key: ({ key }) => key,
  group_key: ({ group_key }) => group_key,
  group_labels: ({ group_labels }) => group_labels,
  channel: ({ channel }) => channel,
  incidents: ({ incidents }) => incidents,
  left_out: ({ left_out }) => left_out,
  url: ({ url }) => url,
  timestamp: ({ at_ms }) => at_ms / 1000,
  hostname: ({ incidents }) => incidents[0]?.hostname ?? null,
  metric: ({ incidents }) => incidents[0]?.metric ?? null,
  value: ({ incidents }) => incidents[0]?.value ?? null,
  rule: ({ incidents }) => incidents[0]?.rule ?? null,
  summary: ({ incidents }) => incidents[0]?.summary ?? null,
};

export const TEMPLATE_NAMES = Object.keys(VALUES);

/** The first placeholder that names nothing. */
export function unknownPlaceholder(template: unknown): string | undefined {
  if (typeof template === "string") {
    return [...template.matchAll(PLACEHOLDER)].map(([, name = ""]) => name)
      .find((name) => !Object.hasOwn(VALUES, name));
  }
  if (typeof template !== "object" || template === null) return undefined;
  return Object.values(template).map(unknownPlaceholder).find((name) => name !== undefined);
}

function valueOf(name: string, notification: Notification): unknown {
  return Object.hasOwn(VALUES, name) ? VALUES[name]?.(notification) : "";
}

function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The template with every placeholder replaced. */
export function fillTemplate(template: Json, notification: Notification): unknown {
  if (typeof template === "string") {
    const [, only] = ONLY_PLACEHOLDER.exec(template) ?? [];
    if (only !== undefined) return valueOf(only, notification);
    return template.replaceAll(
      PLACEHOLDER,
      (_, name: string) => asText(valueOf(name, notification)),
    );
  }
  if (Array.isArray(template)) return template.map((item) => fillTemplate(item, notification));
  if (typeof template === "object" && template !== null) {
    return Object.fromEntries(
      Object.entries(template).map(([name, item]) => [name, fillTemplate(item, notification)]),
    );
  }
  return template;
}

export type { Json };
