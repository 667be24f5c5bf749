/**
 * Third stage: claims messages, sends them, and writes down how it went. A claim lasts as long as one
 * attempt may take; when its holder dies the message is free again, and is sent again with the same
 * key. So a receiver can get a message twice when the answer to the first was never written down, and
 * can see by the key that it has it; nothing else repeats a message, and nothing loses one.
 */
import { recordChannelOutcome } from "../../db/channels.ts";
import type { Sql, TransactionSql } from "../../db/connect.ts";
import { type GroupRow, saveGroup, selectGroup } from "../../db/notification_groups.ts";
import {
  type ClaimedNotification,
  claimNotifications,
  recordGivenUp,
  recordRetry,
  recordSent,
  selectAbandoned,
} from "../../db/notifications.ts";
import { isConnectionFailure } from "../../db/sqlstate.ts";
import { transaction } from "../../db/transaction.ts";
import { backoffMs, GIVE_UP_MS } from "./backoff.ts";
import type { Delivery } from "./channel.ts";
import { afterDelivery, afterFailure, groupStateSchema } from "./group.ts";
import { payloadSchema } from "./notification.ts";
import type { KnownChannel, Telling } from "./setup.ts";

/** Messages on their way at once, to one channel: a slow receiver takes no other's turn. */
const IN_FLIGHT_MAX = 4;
/** An attempt has ended by its timeout; then there is this long to write that down. */
const LEASE_SPARE_MS = 5_000;
/** Beside what a channel's own trouble says, this is what a person can do. */
const ABANDONED = "no server has this channel in its configuration any more";

export interface DeliveriesOptions {
  /** Ends what is being sent. */
  signal: AbortSignal;
  /** Called when a message has been settled: there is room, and perhaps more to do. */
  onDone: () => void;
  /** Asks the database. Default: on the connections of `telling`, however long it takes. */
  ask?: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>;
}

export class Deliveries {
  readonly #telling: Telling;
  readonly #options: DeliveriesOptions;
  /** By channel. */
  readonly #in_flight = new Map<number, number>();
  readonly #running = new Map<number, Promise<void>>();

  constructor(telling: Telling, options: DeliveriesOptions) {
    this.#telling = telling;
    this.#options = options;
  }

  #ask<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const { ask = (work) => work(this.#telling.sql) } = this.#options;
    return ask(work);
  }

  /**
   * Writes down how it went, once more when the connection was lost: what has arrived and is not written
   * down is sent again. The first may have been carried out all the same; then the second finds it.
   */
  async #write<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    try {
      return await this.#ask(work);
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
      return await this.#ask(work);
    }
  }

  /** Claims as many messages as there is room for, and begins to send them; how many. */
  async start(): Promise<number> {
    const { clock, channels, onStep } = this.#telling;
    const room = (id: number) => IN_FLIGHT_MAX - (this.#in_flight.get(id) ?? 0);
    const claimed = await this.#ask((sql) =>
      claimNotifications(sql, {
        channels: [...channels.values()].map(({ id, timeout_ms }) => ({
          id,
          room: room(id),
          lease_ms: timeout_ms + LEASE_SPARE_MS,
        })),
        in_hand: [...this.#running.keys()],
        now_ms: clock.now(),
      })
    );
    if (claimed.length > 0) onStep("claimed");
    const by_id = new Map([...channels.values()].map((one) => [one.id, one]));
    for (const message of claimed) {
      const target = by_id.get(message.channel_id);
      if (target !== undefined) this.#run(message, target);
    }
    return claimed.length;
  }

  /** Nothing is on its way. */
  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** Waits for what is on its way. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  #run(message: ClaimedNotification, target: KnownChannel): void {
    const count = (change: number) =>
      this.#in_flight.set(target.id, (this.#in_flight.get(target.id) ?? 0) + change);
    count(1);
    const running = this.#deliver(message, target)
      .catch((error) =>
        // what could not be written down is free again when its claim ends
        this.#telling.log.warn("a delivery is not recorded, it is tried again later", {
          channel: target.channel.name,
          key: message.key,
          error,
        })
      )
      .finally(() => {
        count(-1);
        this.#running.delete(message.id);
        this.#options.onDone();
      });
    this.#running.set(message.id, running);
  }

  async #deliver(message: ClaimedNotification, target: KnownChannel): Promise<void> {
    const { clock, onStep } = this.#telling;
    const begun_ms = clock.monotonic();
    const delivery = await target.channel.send(payloadSchema.parse(message.payload), {
      clock,
      signal: this.#options.signal,
    });
    onStep("answered");
    const took_ms = Math.round(clock.monotonic() - begun_ms);
    if (delivery.outcome === "delivered") await this.#arrived(message, target, took_ms);
    else await this.#failed(message, target, delivery);
    onStep("recorded");
  }

  async #arrived(
    message: ClaimedNotification,
    target: KnownChannel,
    took_ms: number,
  ): Promise<void> {
    const { clock, log } = this.#telling;
    const now_ms = clock.now();
    await this.#settle(message, "sent", (tx) => recordSent(tx, { id: message.id, now_ms }));
    await this.#write((sql) =>
      recordChannelOutcome(sql, { channel_id: target.id, error: null, now_ms })
    );
    this.#telling.onDelivery?.(target.channel.name, "sent");
    log.info("told", { channel: target.channel.name, key: message.key, took_ms });
  }

  async #failed(
    message: ClaimedNotification,
    target: KnownChannel,
    delivery: Exclude<Delivery, { outcome: "delivered" }>,
  ): Promise<void> {
    const { clock, log } = this.#telling;
    const now_ms = clock.now();
    const { why, outcome } = delivery;
    const retry = (error: string, next_ms: number) =>
      this.#write((sql) => recordRetry(sql, { ...message, error, next_ms }));
    // the server's end is no fault of the channel: whoever comes next tries at once
    if (this.#options.signal.aborted) return await retry("the server was stopped", now_ms);
    await this.#write((sql) =>
      recordChannelOutcome(sql, { channel_id: target.id, error: why, now_ms })
    );
    const fields = { channel: target.channel.name, key: message.key, attempts: message.attempts };
    if (outcome === "retryable" && now_ms - message.created_ms < GIVE_UP_MS) {
      const { retry_after_ms } = delivery;
      const wait_ms = backoffMs(message.attempts, { random: Math.random(), retry_after_ms });
      await retry(why, now_ms + wait_ms);
      this.#telling.onDelivery?.(target.channel.name, "retried");
      // the first time is news, and then once in a while
      const level = message.attempts === 1 || message.attempts % 10 === 0 ? "warn" : "debug";
      log[level]("not told yet, trying again", { ...fields, wait_s: wait_ms / 1000, why });
      return;
    }
    await this.#giveUp(message, { state: "failed", error: why });
    this.#telling.onDelivery?.(target.channel.name, "failed");
    log.error("not told, a person has to look at the channel", { ...fields, why });
  }

  async #giveUp(
    message: Pick<ClaimedNotification, "id" | "group_key">,
    end: { state: "failed" | "dropped"; error: string },
  ): Promise<void> {
    await this.#settle(message, "failed", (tx) => recordGivenUp(tx, { id: message.id, ...end }));
  }

  /** Writes the end of a message and what its group is then, unless somebody has written an end. */
  async #settle(
    message: Pick<ClaimedNotification, "group_key">,
    end: "sent" | "failed",
    record: (tx: TransactionSql) => Promise<boolean>,
  ): Promise<void> {
    await this.#write((sql) =>
      transaction(sql, async (tx) => {
        if (await record(tx)) await this.#settleGroup(tx, message, end);
      })
    );
  }

  /** The group knows how its message ended, and when it is looked at next. */
  async #settleGroup(
    tx: TransactionSql,
    message: Pick<ClaimedNotification, "group_key">,
    end: "sent" | "failed",
  ): Promise<void> {
    const { clock, routes } = this.#telling;
    const group: GroupRow | undefined = await selectGroup(tx, message.group_key);
    // its route was taken out of the configuration meanwhile
    if (group === undefined) return;
    const now_ms = clock.now();
    const state = groupStateSchema.parse(group.state);
    const route = routes.find(({ id }) => id === group.route_id);
    const after = end === "sent"
      ? afterDelivery(state, { now_ms, group_interval_ms: route?.group_interval ?? 0 })
      : afterFailure(state, { now_ms, repeat_interval_ms: route?.repeat_interval ?? Infinity });
    await saveGroup(tx, { key: group.key, ...after }, now_ms);
  }

  /** Messages of channels that are nowhere any more. */
  async dropAbandoned(): Promise<void> {
    const { clock, channels } = this.#telling;
    const before_ms = clock.now() - GIVE_UP_MS - LEASE_SPARE_MS;
    const own_ids = [...channels.values()].map(({ id }) => id);
    const abandoned = await this.#ask((sql) =>
      selectAbandoned(sql, { before_ms, own_ids, limit: 100 })
    );
    for (const message of abandoned) {
      await this.#giveUp(message, { state: "dropped", error: ABANDONED });
    }
  }
}
