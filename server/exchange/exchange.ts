/**
 * Several servers of one database: each sees what the others store, within a fraction of a second.
 *
 * Each says every two seconds that it is there, and whom it knows (LISTEN and NOTIFY). As long as it
 * knows somebody, it tells the keys of what it stores; alone, it tells nothing and costs nothing. Who
 * hears that somebody has begun to tell it reads the newest reports once: what was stored before that
 * was told to nobody. The same after anything may have been missed: a lost connection, too many keys.
 *
 * It hears itself, too. When it does not, its connection is dead without saying so, or leads through a
 * pooler, where nothing can be heard: it is opened anew.
 */
import type { Clock } from "../../clock.ts";
import type { DatabaseAddress } from "../../db/address.ts";
import { connect, type Sql } from "../../db/connect.ts";
import { withinDeadline } from "../../db/deadline.ts";
import {
  listenToServers,
  type Notice,
  notifyReports,
  notifyServers,
} from "../../db/report_notices.ts";
import {
  type LatestReportRow,
  type ReportKey,
  selectLatestReports,
  selectReports,
} from "../../db/reports.ts";
import type { Logger } from "../../log.ts";

/** How often a server says that it is there. */
const HELLO_MS = 2_000;
/** Who has not been heard for so long is gone; a connection that does not hear us is dead. */
const GONE_MS = 8_000;
/** Keys are told, and looked up, together that come within this time. */
const GATHER_MS = 100;
/** Waiting to be told or looked up; more are dropped, and the newest reports read instead. */
const KEYS_MAX = 50_000;
const ANSWER_MS_MAX = 10_000;
const READ_MS_MAX = 60_000;

export interface ExchangeOptions {
  address: DatabaseAddress;
  /** Real time: it is about connections. */
  clock: Clock;
  log: Logger;
  /** A report that another server has stored. The newest of all may come again. */
  onReport: (report: LatestReportRow) => void;
  /** Another server tells of an incident or a downtime. */
  onNews: () => void;
}

export class Exchange implements AsyncDisposable {
  readonly #options: ExchangeOptions;
  /** Who takes a new one is a stranger, whom the others read all of. */
  #name: string = crypto.randomUUID();
  readonly #stopping = new AbortController();
  readonly #finished: Promise<void>;
  /** Other servers, and when they were heard last. */
  readonly #others = new Map<string, { heard_ms: number; knows_us: boolean }>();
  #sql: Sql;
  #own: ReportKey[] = [];
  #foreign: ReportKey[] = [];
  #has_news = false;
  #may_have_missed = false;
  #self_heard_ms = -Infinity;
  #hello_ms = -Infinity;
  #last_failure = "";

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#sql = this.#connect();
    this.#finished = this.#run();
  }

  /** How many other servers there are. */
  get others(): number {
    return this.#others.size;
  }

  /** Reports that are still to be told, or to be read. */
  get waiting(): number {
    return this.#own.length + this.#foreign.length;
  }

  /** A report was committed here. Does not wait for anything. */
  stored({ host_id, shape_id, at_ms }: ReportKey): void {
    if (this.#others.size === 0) return;
    if (this.#own.length < KEYS_MAX) this.#own.push({ host_id, shape_id, at_ms });
    else this.#name = crypto.randomUUID();
  }

  /** Something has happened here to an incident or a downtime. */
  tellNews(): void {
    if (this.#others.size > 0) this.#has_news = true;
  }

  #connect(): Sql {
    return connect(this.#options.address, {
      connections_max: 1,
      application_name: "monitor exchange",
    });
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        if (clock.monotonic() - this.#self_heard_ms > GONE_MS) await this.#listen();
        await this.#turn();
        this.#last_failure = "";
        await clock.sleep(GATHER_MS, signal);
      } catch (error) {
        // the same trouble again is not news
        const text = String(error);
        const level = text === this.#last_failure ? "debug" : "warn";
        log[level]("other servers are not heard just now, trying again", { error });
        this.#last_failure = text;
        this.#self_heard_ms = -Infinity;
        await clock.sleep(HELLO_MS, signal);
      }
    }
  }

  /** Hears from now on, on a connection of its own. */
  async #listen(): Promise<void> {
    const { clock } = this.#options;
    this.#sql.end({ timeout: 0 }).catch(() => {});
    this.#sql = this.#connect();
    this.#others.clear();
    // they shall take us for somebody new, and read what they were not told meanwhile
    this.#name = crypto.randomUUID();
    await this.#short(listenToServers(this.#sql, (notice) => this.#heard(notice)));
    this.#self_heard_ms = clock.monotonic();
    this.#hello_ms = -Infinity;
  }

  #heard({ from, knows, reports, news }: Notice): void {
    const heard_ms = this.#options.clock.monotonic();
    if (from === this.#name) {
      this.#self_heard_ms = heard_ms;
      return;
    }
    const other = this.#others.get(from);
    if (knows !== undefined) {
      const knows_us = knows.includes(this.#name);
      if (knows_us && !other?.knows_us) this.#may_have_missed = true;
      // it shall know that it is known
      if (other === undefined) this.#hello_ms = -Infinity;
      this.#others.set(from, { heard_ms, knows_us });
    }
    if (reports !== undefined) {
      if (this.#foreign.length < KEYS_MAX) this.#foreign.push(...reports);
      else this.#may_have_missed = true;
    }
    if (news) this.#options.onNews();
  }

  async #turn(): Promise<void> {
    const { clock } = this.#options;
    const now_ms = clock.monotonic();
    for (const [name, { heard_ms }] of this.#others) {
      if (now_ms - heard_ms > GONE_MS) this.#others.delete(name);
    }
    if (now_ms - this.#hello_ms >= HELLO_MS) {
      this.#hello_ms = now_ms;
      const knows = [...this.#others.keys()];
      await this.#short(notifyServers(this.#sql, { from: this.#name, knows }));
    }
    await this.#tell();
    await this.#read();
  }

  /** What has been stored and has happened here since the last time. */
  async #tell(): Promise<void> {
    if (this.#has_news) {
      this.#has_news = false;
      await this.#short(notifyServers(this.#sql, { from: this.#name, news: true }));
    }
    const own = this.#own;
    this.#own = [];
    if (own.length > 0) await this.#short(notifyReports(this.#sql, this.#name, own));
  }

  async #read(): Promise<void> {
    const keys = this.#foreign;
    this.#foreign = [];
    const isAll = this.#may_have_missed;
    this.#may_have_missed = false;
    if (!isAll && keys.length === 0) return;
    try {
      const found = isAll ? selectLatestReports(this.#sql) : selectReports(this.#sql, keys);
      const rows = await withinDeadline(found, { ms: READ_MS_MAX });
      for (const row of rows) this.#options.onReport(row);
    } catch (error) {
      this.#may_have_missed = true;
      throw error;
    }
  }

  #short<T>(work: Promise<T>): Promise<T> {
    return withinDeadline(work, { ms: ANSWER_MS_MAX });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#finished;
    // nobody would say it after us; where that fails, hosts report again
    if (this.#others.size > 0) await this.#tell().catch(() => {});
    await this.#sql.end({ timeout: 0 });
  }
}
