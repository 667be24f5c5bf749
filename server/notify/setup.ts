/** What all stages of the pipeline need: the routes and channels of this server, and where things are. */
import type { Clock } from "../../clock.ts";
import { type Described, syncChannels, syncRoutes } from "../../db/channels.ts";
import type { Sql } from "../../db/connect.ts";
import type { KnownPlaces } from "../../db/notification_groups.ts";
import type { Logger } from "../../log.ts";
import { type Channel, type ChannelConfig, channelOf } from "./channels.ts";
import type { DeliveryEnd } from "./metrics.ts";
import { defaultRoutes, type Route } from "./route.ts";

/** After each of these something is written, or somebody outside knows more. */
export type Step =
  | "taken"
  | "decided"
  | "claimed"
  | "answered"
  | "recorded";

export interface NotifySettings {
  channels: Readonly<Record<string, ChannelConfig>>;
  routes: readonly Route[];
  /** Of the page where people look; null: nobody knows it from outside. */
  page_url: string | null;
}

export interface KnownChannel {
  id: number;
  channel: Channel;
  /** One attempt takes this long at most. */
  timeout_ms: number;
}

export interface Telling {
  sql: Sql;
  clock: Clock;
  log: Logger;
  routes: readonly (Route & { id: number })[];
  channels: ReadonlyMap<string, KnownChannel>;
  known: KnownPlaces;
  page_url: string | null;
  /** Told of every step, in the order they happen. */
  onStep: (step: Step) => void;
  /** Told how each attempt to deliver ended. */
  onDelivery?: (channel: string, end: DeliveryEnd) => void;
}

/** Makes channels of their settings. */
export function channelsOf(settings: Pick<NotifySettings, "channels">): Channel[] {
  return Object.entries(settings.channels).map(([name, config]) => channelOf(name, config));
}

/** Makes the routes and channels known to the database. */
export async function setUp(
  settings: NotifySettings,
  options: Pick<Telling, "sql" | "clock" | "log" | "onStep" | "onDelivery">,
): Promise<Telling> {
  const { sql, clock } = options;
  const now_ms = clock.now();
  const channels = channelsOf(settings);
  const described = channels.map(({ name, kind, shown }): Described => ({
    name,
    kind,
    config: shown,
  }));
  const channel_ids = await syncChannels(sql, described, now_ms);
  const routes = settings.routes.length > 0
    ? settings.routes
    : defaultRoutes(channels.map(({ name }) => name));
  const definitions = routes.map((route) => ({ name: route.name, definition: route }));
  const route_ids = await syncRoutes(sql, definitions, now_ms);
  const known = new Map(channels.map((channel): [string, KnownChannel] => [channel.name, {
    id: channel_ids.get(channel.name) ?? 0,
    channel,
    timeout_ms: (settings.channels[channel.name]?.timeout_s ?? 0) * 1000,
  }]));
  return {
    ...options,
    routes: routes.map((route) => ({ ...route, id: route_ids.get(route.name) ?? 0 })),
    channels: known,
    known: {
      route_ids: [...route_ids.values()],
      channels: [...known.keys()],
      channel_ids: [...channel_ids.values()],
    },
    page_url: settings.page_url,
  };
}
