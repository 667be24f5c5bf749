/** Wires who is told of what was stored and what has happened: here, and at other servers. */
import { systemClock } from "../clock.ts";
import { resolveAddress } from "../db/address.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../log.ts";
import type { Alerting } from "./alerts/service.ts";
import { Exchange } from "./exchange/exchange.ts";
import { registerExchange } from "./exchange/metrics.ts";
import { IncidentNews } from "./http/incident_news.ts";
import type { Registry } from "./metrics/registry.ts";
import type { QueryContext } from "./query/context.ts";
import type { LatestReports, ObservedReport } from "./query/latest.ts";
import type { Overview } from "./query/overview.ts";

/** Those who follow what is stored. */
interface Followers {
  latest: LatestReports;
  overview: Overview;
  reading: QueryContext;
  alerting: Alerting;
}

export interface News {
  readonly news: IncidentNews;
  /** Something has happened to an incident or a downtime: everybody is told. */
  onNews: () => void;
  /** Lets the followers know what is stored, here (the result is to be told) or elsewhere. */
  follow(followers: Followers): (row: ObservedReport) => void;
}

/** A PostgreSQL of our own has no other server. The exchange with others stops with `started`. */
export function startExchange(
  { address, embedded }: Database,
  options: { log: Logger; metrics: Registry; started: AsyncDisposableStack },
): News {
  const { metrics, started } = options;
  const news = new IncidentNews();
  let exchange: Exchange | undefined;
  // it ends after those that are started from here on, and so tells what they did last
  const ending = started.use(new AsyncDisposableStack());
  const onNews = () => {
    news.tell();
    exchange?.tellNews();
  };
  const follow = ({ latest, overview, reading, alerting }: Followers) => {
    const observe = (row: ObservedReport) => {
      latest.observe(row);
      overview.observe(row);
      reading.catalog.noticed(row.host_id, row.shape_id);
      alerting.observe(row);
    };
    if (embedded !== undefined) return observe;
    const { pooled, direct } = resolveAddress(address);
    const log = options.log.with({ component: "exchange" });
    if (pooled && direct === undefined) {
      log.info("other servers are not heard through a pooler; that takes database.direct_url");
      return observe;
    }
    const own = exchange = ending.use(
      new Exchange({
        address: direct ?? address,
        // connections live in real time, whatever the server's clock
        clock: systemClock,
        log,
        onReport: ({ vals, ...report }) =>
          observe({ ...report, length: vals.length, value: (index) => vals[index] ?? 0 }),
        onNews: () => news.tell(),
      }),
    );
    registerExchange(metrics, own);
    return (row: ObservedReport) => {
      observe(row);
      own.stored(row);
    };
  };
  return { news, onNews, follow };
}
