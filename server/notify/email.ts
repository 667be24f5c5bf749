/**
 * E-mail by SMTP. The dedupe key is the Message-ID, so that a message that was sent twice is one in the
 * mailbox of most programs; all messages of a group refer to the group's own id, so that they are one
 * thread from the first to the resolution. Replies 4xx of the mail server are tried again, 5xx are not.
 */
import { z } from "zod";
import type { ChannelKind, Delivery, Notification, SendContext } from "./channel.ts";
import { startDeadline } from "./deadline.ts";
import {
  choiceField,
  commonFields,
  numberField,
  objectField,
  secretField,
  textField,
} from "./fields.ts";
import { bodyOf, cut, hexColour, lineOf, titleOf } from "./message.ts";

const SUBJECT_CHARS_MAX = 200;
const ADDRESS = /^([^<>@\s]+@[^<>@\s]+|[^<>]*<[^<>@\s]+@[^<>@\s]+>)$/;

function addressField(what: string) {
  return textField(what).regex(ADDRESS, {
    error: (issue) => `must be ${what}: current value is ${JSON.stringify(issue.input)}`,
  });
}

const address = addressField('an address such as ops@example.com or "Ops <ops@example.com>"');
const addresses = z.union([address.transform((one) => [one]), z.array(address).min(1)], {
  error: "must be an address such as ops@example.com, or a list […] of them",
});

const configSchema = objectField({
  kind: z.literal("email"),
  ...commonFields,
  host: textField("the name of a mail server"),
  port: numberField({ min: 1, max: 65_535, what: "a port" }).optional(),
  /** starttls: must be encrypted after the greeting; tls: from the first byte on. */
  security: choiceField(["starttls", "tls", "none"]).default("starttls"),
  username: textField("a user name").optional(),
  password: secretField("a password").optional(),
  from: address,
  to: addresses,
});

type Config = z.infer<typeof configSchema>;

const PORTS = { starttls: 587, tls: 465, none: 25 } as const;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Simple enough for every mail program. */
function html(notification: Notification): string {
  const { incidents, left_out, url, at_ms } = notification;
  const rows = incidents.map((incident) => {
    const runbook = incident.runbook_url;
    const link = runbook === null ? "" : ` <a href="${escaped(runbook)}">Runbook</a>`;
    return `<li>${escaped(lineOf(incident, at_ms))}${link}</li>`;
  });
  const more = left_out > 0 ? `<p>… and ${left_out} more</p>` : "";
  const open = url === null ? "" : `<p><a href="${escaped(url)}">Open</a></p>`;
  return `<!doctype html><html><body style="font-family: sans-serif">` +
    `<h3 style="border-left: 4px solid ${hexColour(notification)}; padding-left: 8px">` +
    `${escaped(titleOf(notification))}</h3><ul>${rows.join("")}</ul>${more}${open}</body></html>`;
}

function message(config: Config, notification: Notification): Record<string, unknown> {
  const domain = /@([^>\s]+)>?$/.exec(config.from)?.[1] ?? "monitor";
  const id = (key: string) => `<${encodeURIComponent(key).replaceAll("%", "=")}@${domain}>`;
  return {
    from: config.from,
    to: config.to,
    subject: cut(titleOf(notification), SUBJECT_CHARS_MAX),
    text: `${titleOf(notification)}\n\n${bodyOf(notification)}\n`,
    html: html(notification),
    date: new Date(notification.at_ms),
    messageId: id(notification.key),
    references: [id(notification.group_key)],
    inReplyTo: id(notification.group_key),
    headers: {
      // no "I am on holiday" in return
      "auto-submitted": "auto-generated",
      "x-monitor-key": notification.key,
    },
  };
}

/** What nodemailer says of a failure: a code of its own, and the server's reply when there was one. */
const failureSchema = z.object({
  message: z.string(),
  code: z.string().optional(),
  responseCode: z.number().optional(),
});

const PERMANENT_CODES = ["EENVELOPE", "EMESSAGE", "EAUTH", "ENOAUTH", "EOAUTH2", "ECONFIG"];

function failure(error: unknown, config: Config): Delivery {
  const parsed = failureSchema.safeParse(error);
  if (!parsed.success) throw error;
  const { message, code, responseCode } = parsed.data;
  const why = `Cannot send through ${config.host}: ${
    message.replaceAll(/\p{C}+|\s+/gu, " ").slice(0, 200)
  }`;
  // the reply counts: "EENVELOPE 451" is a greylist, which is for later
  const permanent = responseCode === undefined
    ? PERMANENT_CODES.includes(code ?? "")
    : responseCode >= 500;
  return { outcome: permanent ? "permanent" : "retryable", why };
}

async function send(
  config: Config,
  notification: Notification,
  { signal }: SendContext,
): Promise<Delivery> {
  // only servers that send mail load it
  const { createTransport } = await import("nodemailer");
  const { host, security, username, password, timeout_s } = config;
  const timeout_ms = timeout_s * 1000;
  const transport = createTransport({
    host,
    port: config.port ?? PORTS[security],
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    auth: username === undefined ? undefined : { user: username, pass: password ?? "" },
    connectionTimeout: timeout_ms,
    greetingTimeout: timeout_ms,
    socketTimeout: timeout_ms,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  using deadline = startDeadline(timeout_s, signal);
  try {
    const { rejected } = await transport.sendMail({
      ...message(config, notification),
      signal: deadline.signal,
    });
    if (rejected.length === 0) return { outcome: "delivered" };
    // some have it: sending to all again would be a repetition for them
    return { outcome: "permanent", why: `${host} took it, but not for ${rejected.join(", ")}` };
  } catch (error) {
    if (deadline.late) {
      return { outcome: "retryable", why: `${host} had not taken it within ${timeout_s} s` };
    }
    return failure(error, config);
  } finally {
    transport.close();
  }
}

export const email: ChannelKind<Config> = {
  kind: "email",
  secrets: ["password"],
  configSchema,
  send,
};
