/** Incidents as people deal with them: found, understood, acknowledged, commented, ended. */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import {
  acknowledgeIncident,
  commentIncident,
  type IncidentDelivery,
  type IncidentEvent,
  type IncidentFilter,
  type IncidentRow,
  requestResolve,
  selectIncident,
  selectIncidentDeliveries,
  selectIncidentEvents,
  selectIncidents,
} from "../../db/incidents.ts";
import { NotFoundError } from "../query/context.ts";

/** The evaluator looks once a second, and at once when it is in this process. */
const RESOLVE_WAIT_MS = 5_000;
const RESOLVE_LOOK_MS = 50;

/** An incident is over already. */
export class IncidentOverError extends Error {
  override name = "IncidentOverError";
}

/** Everything that answers "why was I woken, or why not". */
export interface Evidence {
  incident: IncidentRow;
  events: IncidentEvent[];
  deliveries: IncidentDelivery[];
}

export interface Said {
  who: string | null;
  note: string;
}

export class IncidentDesk {
  readonly #sql: Sql;
  readonly #clock: Clock;
  readonly #onRequest: () => void;
  readonly #onSaid: () => void;

  constructor(options: { sql: Sql; clock: Clock; onRequest: () => void; onSaid?: () => void }) {
    this.#sql = options.sql;
    this.#clock = options.clock;
    this.#onRequest = options.onRequest;
    this.#onSaid = options.onSaid ?? (() => {});
  }

  list(filter: IncidentFilter): Promise<IncidentRow[]> {
    return selectIncidents(this.#sql, filter);
  }

  /** @throws NotFoundError */
  async evidence(id: number): Promise<Evidence> {
    const incident = await this.#get(id);
    return {
      incident,
      events: await selectIncidentEvents(this.#sql, id),
      deliveries: await selectIncidentDeliveries(this.#sql, id),
    };
  }

  /** Somebody looks after it: until a time, or until it is resolved or gets worse (null). */
  async acknowledge(id: number, said: Said & { until_ms: number | null }): Promise<IncidentRow> {
    await this.#requireOpen(
      id,
      async (incident) =>
        await acknowledgeIncident(this.#sql, { incident, ...said, at_ms: this.#clock.now() }),
    );
    return await this.#get(id);
  }

  async unacknowledge(id: number, said: Said): Promise<IncidentRow> {
    const withdrawn = { ...said, until_ms: null, withdrawn: true };
    await this.#requireOpen(
      id,
      async (incident) =>
        await acknowledgeIncident(this.#sql, { incident, ...withdrawn, at_ms: this.#clock.now() }),
    );
    return await this.#get(id);
  }

  async comment(id: number, said: Said): Promise<void> {
    const incident = await this.#get(id);
    await commentIncident(this.#sql, { incident, ...said, at_ms: this.#clock.now() });
    this.#onSaid();
  }

  /** Ends it. Resolves to the incident, which may still be open when nobody evaluates just now. */
  async resolve(id: number, said: Said): Promise<IncidentRow> {
    const at_ms = this.#clock.now();
    await this.#requireOpen(id, async (incident) => {
      await requestResolve(this.#sql, { incident, key: incident.key, ...said, at_ms });
      return true;
    });
    this.#onRequest();
    const until_ms = this.#clock.monotonic() + RESOLVE_WAIT_MS;
    for (;;) {
      const incident = await this.#get(id);
      if (incident.resolved_ms !== null || this.#clock.monotonic() >= until_ms) return incident;
      await this.#clock.sleep(RESOLVE_LOOK_MS);
    }
  }

  async #get(id: number): Promise<IncidentRow> {
    const incident = await selectIncident(this.#sql, id);
    if (incident === undefined) throw new NotFoundError(`Cannot find incident ${id}`);
    return incident;
  }

  async #requireOpen(id: number, run: (incident: IncidentRow) => Promise<boolean>): Promise<void> {
    const incident = await this.#get(id);
    if (incident.resolved_ms === null && await run(incident)) return this.#onSaid();
    throw new IncidentOverError(`Cannot change incident ${id}: it is resolved already`);
  }
}
