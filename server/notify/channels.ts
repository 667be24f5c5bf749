/**
 * The registry: all kinds of channels. A new one is a file like its neighbours and a line here; its test
 * is tests/server/notify/<kind>_test.ts, which must be there.
 */
import { z } from "zod";
import { alertmanager } from "./alertmanager.ts";
import { type ChannelKind, type Delivery, secretsOf, struckOut } from "./channel.ts";
import type { Notification, SendContext } from "./channel.ts";
import { command } from "./command.ts";
import { discord } from "./discord.ts";
import { email } from "./email.ts";
import { ntfy } from "./ntfy.ts";
import { opsgenie } from "./opsgenie.ts";
import { pagerduty } from "./pagerduty.ts";
import { pushover } from "./pushover.ts";
import { slack } from "./slack.ts";
import { teams } from "./teams.ts";
import { telegram } from "./telegram.ts";
import { webhook } from "./webhook.ts";

const KINDS = {
  webhook,
  email,
  slack,
  discord,
  teams,
  telegram,
  ntfy,
  pushover,
  pagerduty,
  opsgenie,
  alertmanager,
  command,
};

type Kind = keyof typeof KINDS;

export const CHANNEL_KINDS = Object.keys(KINDS);

/** A channel's settings after they were checked. */
export type ChannelConfig = z.infer<(typeof KINDS)[Kind]["configSchema"]>;

/** A channel with its name, ready to send. */
export interface Channel {
  name: string;
  kind: string;
  send_resolved: boolean;
  /** Never throws; a sentence of a failure holds no secret. */
  send(notification: Notification, context: SendContext): Promise<Delivery>;
  /** What may be shown: all settings but the secrets, of which it is said that they are there. */
  shown: Record<string, unknown>;
}

/** The secrets of a kind; none for a kind there is not. */
export function secretNames(kind: unknown): readonly string[] {
  return typeof kind === "string" && Object.hasOwn(KINDS, kind)
    ? KINDS[kind as Kind].secrets // it has just been looked up
    : [];
}

const kindError = {
  error: (issue: { input?: unknown }) =>
    `must be one of ${CHANNEL_KINDS.map((kind) => `"${kind}"`).join(", ")}: current value is ${
      JSON.stringify(issue.input) ?? "missing"
    }`,
};

const kindSchema = z.looseObject({
  // the keys of an object that has some
  kind: z.enum(CHANNEL_KINDS as [Kind, ...Kind[]], kindError),
}, { error: 'must be an object {"kind": …}' });

/** Faults are those of the kind that was meant, not of all kinds. */
export const channelSchema = kindSchema.transform((input, context): ChannelConfig => {
  const parsed = KINDS[input.kind].configSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    context.addIssue({ code: "custom", path: issue.path, message: issue.message });
  }
  return z.NEVER;
});

/** Makes a channel of its settings. */
export function channelOf(name: string, config: ChannelConfig): Channel {
  // its config is one of this kind: channelSchema looked it up by the same name
  const kind = KINDS[config.kind] as ChannelKind<ChannelConfig>;
  const secrets = secretsOf(kind, config);
  const shown = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      kind.secrets.includes(key) && value !== undefined ? "(secret)" : value,
    ]),
  );
  return {
    name,
    kind: config.kind,
    send_resolved: config.send_resolved,
    shown,
    async send(notification, context) {
      try {
        const delivery = await kind.send(config, notification, context);
        if (delivery.outcome === "delivered") return delivery;
        return { ...delivery, why: struckOut(delivery.why, secrets) };
      } catch (error) {
        // a mistake of ours must not stop the others; it is told like any failure
        const text = error instanceof Error ? error.message : String(error);
        return { outcome: "permanent", why: struckOut(`BUG: ${text}`, secrets) };
      }
    },
  };
}
