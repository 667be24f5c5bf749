/** Wires everything that is about telling people: the pipeline, downtimes, and the look at channels. */
import type { Clock } from "../clock.ts";
import { connect } from "../db/connect.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../log.ts";
import { Downtimes } from "./alerts/downtimes.ts";
import { HostParents } from "./alerts/parents.ts";
import { Silences } from "./alerts/silences.ts";
import type { Config } from "./config.ts";
import type { ChannelsRoute } from "./http/channels.ts";
import type { DowntimeRoute } from "./http/downtime.ts";
import type { SilencesRoute } from "./http/silences.ts";
import { channelStates, testChannel } from "./notify/overview.ts";
import type { Registry } from "./metrics/registry.ts";
import { deliveryCounters } from "./notify/metrics.ts";
import { Pipeline } from "./notify/pipeline.ts";
import type { NotifySettings } from "./notify/setup.ts";

/** The pipeline's own, so that a flood of reports does not hold up a page. */
const NOTIFY_CONNECTIONS = 3;
/** What a connection that was given up holds is free for others after this time. */
const SILENT_TRANSACTION_MS_MAX = 30_000;

export interface Notify {
  /** There is something in the outbox. */
  wake(): void;
  /** Takes channels, routes and the page's address from the settings anew. */
  reload(): void;
  routes: ChannelsRoute & Omit<DowntimeRoute & SilencesRoute, "now">;
}

function notifySettings({ channels, routes, notify }: Config): NotifySettings {
  return { channels, routes, page_url: notify.page_url ?? null };
}

/** Starts the pipeline; it stops with `started`. */
export function startNotify(
  { sql, address }: Database,
  options: {
    config: Config;
    log: Logger;
    clock: Clock;
    started: AsyncDisposableStack;
    /** A downtime was made, changed or ended. */
    onNews: () => void;
    metrics: Registry;
  },
): Notify {
  const { config, log, clock, started, onNews, metrics } = options;
  let settings = notifySettings(config);
  const own = () =>
    connect(address, {
      connections_max: NOTIFY_CONNECTIONS,
      application_name: "monitor notify",
      silent_transaction_ms_max: SILENT_TRANSACTION_MS_MAX,
    });
  const pipeline = started.use(
    new Pipeline({
      ...{ connect: own, clock, log: log.with({ component: "notify" }), settings },
      onDelivery: deliveryCounters(metrics, Object.keys(settings.channels)),
    }),
  );
  const stopping = new AbortController();
  started.defer(() => stopping.abort());
  const wake = () => pipeline.wake();
  const onDowntime = () => {
    wake();
    onNews();
  };
  return {
    wake,
    reload: () => pipeline.reload(settings = notifySettings(config)),
    routes: {
      downtimes: new Downtimes({ sql, now: () => clock.now(), onChange: onDowntime }),
      silences: new Silences({ sql, now: () => clock.now(), onChange: wake }),
      parents: new HostParents({ sql, onChange: wake }),
      channels: () => channelStates(settings, sql),
      testChannel: (name) => testChannel(settings, name, { clock, signal: stopping.signal }),
    },
  };
}
