/**
 * Channels and routes in the configuration: secrets from files and the environment take their places
 * before the schema looks, and names have to fit together.
 *
 * `token_file` names a file whose first line is the token, `token_env` a variable; any secret of a
 * channel can be given so.
 */
import { z } from "zod";
import { resolve } from "node:path";
import { channelSchema, secretNames } from "../notify/channels.ts";
import { urlField } from "../notify/fields.ts";
import { routeSchema } from "../notify/route.ts";
import { isTree, type Tree } from "./layers.ts";
import { section } from "./values.ts";

/** It stands in keys, paths and commands. */
const NAME = /^[\w-]{1,60}$/;

export const channelsSchema = z.record(z.string().regex(NAME), channelSchema, {
  error: ({ code }) =>
    code === "invalid_key"
      ? "must be called by letters, digits, - and _, at most 60 of them"
      : 'must be an object {…} of channels by name: {"ops": {"kind": "slack", …}}',
}).default({}).describe("Where messages go, by name: docs/notifications.md");

export const routesSchema = z.array(routeSchema, {
  error: 'must be a list […] of routes: [{"name": "night", "channels": ["ops"]}]',
}).default([]).describe("Who is told what, and when (everything to all channels)");

export const notifySchema = section({
  page_url: urlField("the address of the page, as those who are told can open it").optional()
    .describe("Address of the page as people open it; messages link to it"),
});

interface Named {
  channels: Readonly<Record<string, unknown>>;
  routes: readonly {
    name: string;
    channels: readonly string[];
    escalate: readonly { channels: readonly string[] }[];
  }[];
}

/** Routes have names of their own, and name channels that there are. */
export function checkRoutes({ channels, routes }: Named, context: z.RefinementCtx): void {
  const names = Object.keys(channels);
  const fault = (path: (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path: ["routes", ...path], message });
  const check = (named: readonly string[], path: (string | number)[]) => {
    named.forEach((name, index) => {
      if (names.includes(name)) return;
      const there = names.length === 0 ? "there are none" : names.join(", ");
      fault(
        [...path, index],
        `must be the name of a channel (${there}): current value is "${name}"`,
      );
    });
  };
  routes.forEach((route, index) => {
    check(route.channels, [index, "channels"]);
    route.escalate.forEach((step, at) => check(step.channels, [index, "escalate", at, "channels"]));
    if (routes.findIndex(({ name }) => name === route.name) < index) {
      fault([index, "name"], `must be given once: current value is "${route.name}" again`);
    }
  });
}

interface SecretFault {
  path: string;
  message: string;
}

interface SecretSources {
  env: Readonly<Record<string, string | undefined>>;
  /** Relative names of files start here. */
  base_dir: string;
  /** Why a file cannot be read, in words. */
  why: (error: unknown) => string;
}

/** One secret of a channel, from wherever it is; a fault when it is nowhere, or twice. */
function readSecret(
  channel: Tree,
  name: string,
  { env, base_dir, why }: SecretSources,
): { key: string; message: string } | undefined {
  const given = [name, `${name}_file`, `${name}_env`].filter((key) => Object.hasOwn(channel, key));
  const [key = name, twice] = given;
  if (twice !== undefined) return { key: twice, message: `must not be given together with ${key}` };
  const source = channel[key];
  if (key === name || typeof source !== "string") return undefined;
  delete channel[key];
  if (key.endsWith("_env")) {
    channel[name] = env[source];
    return env[source]
      ? undefined
      : { key, message: `must name a variable that is set: ${source}` };
  }
  try {
    [channel[name]] = Deno.readTextFileSync(resolve(base_dir, source)).split(/\r?\n/, 1);
    return undefined;
  } catch (error) {
    return { key, message: `must be a readable file: ${why(error)}: current value is "${source}"` };
  }
}

/**
 * Puts secrets into the channels of `values`, in place of what says where they are. `values` is
 * changed; the objects of channels are made anew.
 */
export function readChannelSecrets(values: Tree, sources: SecretSources): SecretFault[] {
  const { channels } = values;
  if (!isTree(channels)) return [];
  return Object.entries(channels).flatMap(([channel_name, given]) => {
    if (!isTree(given)) return [];
    const channel = { ...given };
    channels[channel_name] = channel;
    return secretNames(channel.kind).flatMap((name) => {
      const fault = readSecret(channel, name, sources);
      if (fault === undefined) return [];
      return [{ path: `channels.${channel_name}.${fault.key}`, message: fault.message }];
    });
  });
}
