/** The pipeline's stages on a real database, a webhook collector and a clock that stands still. */
import type { Sql } from "../../../db/connect.ts";
import { silentLogger } from "../../../log.ts";
import { channelSchema } from "../../../server/notify/channels.ts";
import { takeTransitions } from "../../../server/notify/claim.ts";
import { Deliveries } from "../../../server/notify/deliver.ts";
import { judgeGroups } from "../../../server/notify/judge.ts";
import { type RouteInput, routeSchema } from "../../../server/notify/route.ts";
import { setUp, type Telling } from "../../../server/notify/setup.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testDatabase } from "../../support/test_database.ts";
import { type WebhookCollector, webhookCollector } from "../../support/webhook_collector.ts";

export const START_MS = Date.UTC(2025, 0, 15, 12);

export interface TellingWorld extends AsyncDisposable {
  sql: Sql;
  clock: FakeClock;
  collector: WebhookCollector;
  telling: Telling;
  /** Everything there is to do now, to its end. */
  round(): Promise<void>;
  /** What was told since the last call: `channel reason firing… | resolved…` by key of incident. */
  told(): string[];
  /** `round` after this long, and what was told. */
  after(ms: number): Promise<string[]>;
}

export interface WorldOptions {
  channels?: string[];
  routes?: RouteInput[];
  /** Settings of all channels. */
  more?: object;
}

export async function tellingWorld(options: WorldOptions = {}): Promise<TellingWorld> {
  await using started = new AsyncDisposableStack();
  const database = started.use(await testDatabase());
  const collector = started.use(webhookCollector());
  const { sql } = database;
  const clock = new FakeClock(START_MS);
  const template = {
    reason: "{{reason}}",
    incidents: "{{incidents}}",
    key: "{{key}}",
    status: "{{status}}",
  };
  const names = options.channels ?? ["ops"];
  const channels = Object.fromEntries(names.map((name) => [
    name,
    channelSchema.parse({
      kind: "webhook",
      url: `${collector.url}/${name}`,
      template,
      ...options.more,
    }),
  ]));
  const routes = (options.routes ?? []).map((route) => routeSchema.parse(route));
  const telling = await setUp(
    { channels, routes, page_url: null },
    { sql, clock, log: silentLogger, onStep: () => {} },
  );
  const deliveries = new Deliveries(telling, {
    signal: new AbortController().signal,
    onDone: () => {},
  });
  const owned = started.move();
  let read = 0;
  const world: TellingWorld = {
    sql,
    clock,
    collector,
    telling,
    async round() {
      for (let done = 1; done > 0;) {
        done = await takeTransitions(telling) + await judgeGroups(telling);
        done += await deliveries.start();
        await deliveries.settled();
      }
    },
    told() {
      const news = collector.received.slice(read);
      read = collector.received.length;
      return news.map(({ path, text }) => {
        const { reason, incidents } = JSON.parse(text);
        const those = (state: string) =>
          incidents.filter((one: { state: string }) => one.state === state)
            .map((one: { hostname: string }) => one.hostname).join(" ");
        return `${path.slice(1)} ${reason} ${those("firing")} | ${those("resolved")}`.trim();
      }).sort();
    },
    async after(ms) {
      await clock.advance(ms);
      await world.round();
      return world.told();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return world;
}
