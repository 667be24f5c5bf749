/** The server of a simulation, on a real database behind a wire that can be cut, and its end. */
import type { Clock } from "../../clock.ts";
import { type BreakableDatabase, breakableDatabase } from "../support/breakable_database.ts";
import { type TestApp, testApp } from "../support/test_app.ts";
import { type WebhookCollector, webhookCollector } from "../support/webhook_collector.ts";
import type { Network } from "./network.ts";

export class SimServer implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #net: Network;
  readonly hooks: WebhookCollector;
  readonly #database: BreakableDatabase;
  #app: TestApp | undefined;
  /** Of all lives: received = stored + duplicate + refused + failed. */
  readonly totals = { received: 0, stored: 0, duplicate: 0, refused: 0, failed: 0 };

  private constructor(
    clock: Clock,
    net: Network,
    own: { database: BreakableDatabase; hooks: WebhookCollector },
  ) {
    this.#clock = clock;
    this.#net = net;
    this.#database = own.database;
    this.hooks = own.hooks;
  }

  static async create(clock: Clock, net: Network): Promise<SimServer> {
    const database = await breakableDatabase();
    return new SimServer(clock, net, { database, hooks: webhookCollector() });
  }

  get isUp(): boolean {
    return this.#app !== undefined;
  }

  get url(): string {
    return this.#app?.url ?? "";
  }

  async start(): Promise<void> {
    this.#database.mend();
    const route = { name: "all", channels: ["hook"], group_by: ["host"], group_wait: 0 };
    this.#app = await testApp({
      clock: this.#clock,
      database: this.#database,
      channels: { hook: { kind: "webhook", url: this.hooks.url } },
      routes: [{ ...route, group_interval: 0, repeat_interval: "12h" }],
    });
    this.#net.server_url = this.#app.url;
  }

  /** Its connections end in the middle of whatever it does, and what it has in memory is gone. */
  async crash(): Promise<void> {
    this.#net.server_url = undefined;
    this.#database.cut();
    await this.#end();
  }

  /** PostgreSQL is away; the server stays. */
  cutDatabase(): void {
    this.#database.cut();
  }

  mendDatabase(): void {
    this.#database.mend();
  }

  async #end(): Promise<void> {
    const app = this.#app;
    if (app === undefined) return;
    this.#app = undefined;
    await app.server.stop().catch(() => {});
    for (const name of ["received", "stored", "duplicate", "refused", "failed"] as const) {
      this.totals[name] += app.server.counters[name];
    }
  }

  async stop(): Promise<void> {
    this.#net.server_url = undefined;
    await this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.hooks[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }
}
