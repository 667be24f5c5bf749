/**
 * What the database says about this server's work: read every few seconds, so that whoever looks at the
 * numbers waits for nothing. While it does not answer they are not there, and `…_database_up` is 0.
 */
import { type OwnNumbers, selectOwnNumbers } from "../../db/own_numbers.ts";
import type { Sql } from "../../db/connect.ts";
import type { Clock } from "../../clock.ts";
import type { Registry } from "../metrics/registry.ts";

/** Slower than that counts as no answer. */
const ANSWER_MS_MAX = 5_000;

export class DatabaseNumbers {
  readonly #options: { sql: Sql; clock: Clock };
  #numbers: OwnNumbers | undefined;

  constructor(metrics: Registry, options: { sql: Sql; clock: Clock }) {
    this.#options = options;
    const { clock } = options;
    const gauge = (name: string, help: string, of: (numbers: OwnNumbers) => number) =>
      metrics.read(
        `monitor_server_${name}`,
        { kind: "gauge", help },
        () => this.#numbers && of(this.#numbers),
      );
    metrics.read("monitor_server_database_up", {
      kind: "gauge",
      help: "Whether PostgreSQL has answered at the last look: 1 or 0",
    }, () => this.#numbers === undefined ? 0 : 1);
    gauge(
      "database_connections",
      "Connections of all monitor programs to this database",
      ({ connections }) => connections,
    );
    gauge(
      "database_connections_max",
      "Connections PostgreSQL allows to everybody",
      ({ connections_max }) => connections_max,
    );
    gauge("outbox", "State changes of alerts nobody has looked at yet", ({ outbox }) => outbox);
    gauge(
      "messages_waiting",
      "Messages to channels that have not arrived yet",
      ({ messages }) => messages,
    );
    gauge(
      "aggregation_pending",
      "Hours and days of a host that are still to be rolled up",
      ({ pending }) => pending,
    );
    gauge(
      "aggregation_lag_seconds",
      "Age of the oldest reports that are closed and no history yet",
      ({ oldest_hot_end_ms }) =>
        oldest_hot_end_ms === null ? 0 : Math.max(0, clock.now() - oldest_hot_end_ms) / 1000,
    );
    gauge("migration", "Number of the newest migration of the database", (n) => n.migration);
  }

  /** Looks anew; never rejects. */
  async look(): Promise<void> {
    const { sql, clock } = this.#options;
    const answered = new AbortController();
    const late = clock.sleep(ANSWER_MS_MAX, answered.signal).then(() => undefined);
    this.#numbers = await Promise.race([selectOwnNumbers(sql).catch(() => undefined), late]);
    answered.abort();
  }
}
