/** The channels as people look at them: what is set, whether messages arrive, and a test. */
import type { Clock } from "../../clock.ts";
import { countWaitingMessages, selectChannels } from "../../db/channels.ts";
import type { Sql } from "../../db/connect.ts";
import { testNotification } from "./notification.ts";
import { defaultRoutes, targetsOf } from "./route.ts";
import { channelsOf, type NotifySettings } from "./setup.ts";

/** There is no channel of this name. */
export class ChannelNotFoundError extends Error {
  override name = "NotFoundError";
}

export interface ChannelState {
  name: string;
  kind: string;
  settings: Record<string, unknown>;
  routes: string[];
  waiting: number;
  /** Seconds since 1970. */
  last_success: number | null;
  last_failure: number | null;
  last_error: string | null;
}

const seconds = (ms: number | null | undefined) =>
  ms === null || ms === undefined ? null : ms / 1000;

/** Every channel of this server's settings. */
export async function channelStates(settings: NotifySettings, sql: Sql): Promise<ChannelState[]> {
  const channels = channelsOf(settings);
  const names = channels.map(({ name }) => name);
  const routes = settings.routes.length > 0 ? settings.routes : defaultRoutes(names);
  const known = new Map((await selectChannels(sql)).map((row) => [row.name, row]));
  const waiting = await countWaitingMessages(sql);
  return channels.map(({ name, kind, shown }) => {
    const row = known.get(name);
    return {
      name,
      kind,
      settings: shown,
      routes: routes.filter((route) => targetsOf(route).some(({ channel }) => channel === name))
        .map((route) => route.name),
      waiting: waiting.get(row?.id ?? 0) ?? 0,
      last_success: seconds(row?.last_success_ms),
      last_failure: seconds(row?.last_failure_ms),
      last_error: row?.last_error ?? null,
    };
  });
}

export interface ChannelTest {
  outcome: "delivered" | "retryable" | "permanent";
  why: string | null;
  took_ms: number;
}

/** Sends a test once, at once. Throws ChannelNotFoundError. */
export async function testChannel(
  settings: NotifySettings,
  name: string,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<ChannelTest> {
  const channel = channelsOf(settings).find((one) => one.name === name);
  if (channel === undefined) {
    const names = Object.keys(settings.channels).join(", ") || "there are none";
    throw new ChannelNotFoundError(
      `Cannot find the channel ${JSON.stringify(name)}: the configuration has ${names}`,
    );
  }
  const begun_ms = clock.monotonic();
  const delivery = await channel.send(testNotification(name, clock.now()), { clock, signal });
  return {
    outcome: delivery.outcome,
    why: delivery.outcome === "delivered" ? null : delivery.why,
    took_ms: Math.round(clock.monotonic() - begun_ms),
  };
}
