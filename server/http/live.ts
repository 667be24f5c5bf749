/**
 * `GET /api/v1/live`: server-sent events of what has just been stored. Without a parameter, glances of
 * the hosts that have reported (`event: hosts`, a list); with `?host=`, all newest values of one host
 * (`event: report`). `event: incidents` says that incidents or downtimes are not what they were; who
 * shows them reads them again.
 *
 * Changes are gathered for a second, and for as long as a reader is behind: it then gets the newest
 * state of what has changed meanwhile, so a slow reader costs a set of ids and never a growing queue.
 */
import type { Clock } from "../../clock.ts";
import type { Registry } from "../metrics/registry.ts";
import { NotFoundError, TooMuchError } from "../query/context.ts";
import type { HostGlance, Listener } from "../query/overview.ts";
import { z } from "zod";
import type { Routes } from "./routes.ts";

/** What this route needs. */
export interface LiveRoute {
  listen(listener: Listener): Disposable;
  /** Calls the listener whenever something happens to an incident or a downtime. */
  listenIncidents(listener: () => void): Disposable;
  glancesOf(ids: ReadonlySet<number>): Promise<HostGlance[]>;
  /** The host's id, or undefined. */
  hostId(hostname: string): Promise<number | undefined>;
  latestJson(hostname?: string): Promise<string>;
  clock: Clock;
  /** Aborted when the server stops: readers are told to come again. */
  stopping: AbortSignal;
  metrics: Registry;
}

const TICK_MS = 1_000;
/** Without a word for so long, proxies close a connection. */
const QUIET_MS = 15_000;
/** Each is a connection and a set of ids. */
const READERS_MAX = 500;
/** What a browser waits before it comes again. */
const RETRY_MS = 2_000;

export function liveRoute(routes: Routes, route: LiveRoute): void {
  let readers = 0;
  route.metrics.read("monitor_server_live_streams", {
    kind: "gauge",
    help: "Open streams of /api/v1/live: pages that are being looked at",
  }, () => readers);
  routes.get(
    "/api/v1/live",
    {
      access: "viewer",
      summary: "What has just been stored, as events",
      query: z.object({ host: z.string().optional() }),
      type: "text/event-stream",
      errors: [404],
    },
    async (c) => {
      const hostname = c.req.query("host");
      const only = hostname === undefined ? undefined : await route.hostId(hostname);
      if (hostname !== undefined && only === undefined) {
        throw new NotFoundError(`Cannot find host ${JSON.stringify(hostname)}`);
      }
      if (readers >= READERS_MAX) {
        throw new TooMuchError(`Cannot follow: ${READERS_MAX} readers follow already; come again`);
      }
      readers++;
      const stream = new LiveStream(route, { hostname, only }, () => readers--);
      return new Response(stream.readable, {
        headers: {
          "content-type": "text/event-stream",
          "cache-control": "no-store",
          // nginx would gather events otherwise
          "x-accel-buffering": "no",
        },
      });
    },
  );
}

/** One reader. */
class LiveStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #route: LiveRoute;
  readonly #subject: { hostname: string | undefined; only: number | undefined };
  readonly #gone = new AbortController();
  readonly #changed = new Set<number>();
  #has_news = false;
  readonly #encoder = new TextEncoder();

  constructor(
    route: LiveRoute,
    subject: { hostname: string | undefined; only: number | undefined },
    onEnd: () => void,
  ) {
    this.#route = route;
    this.#subject = subject;
    const listening = route.listen((host_id) => {
      if (subject.only === undefined || subject.only === host_id) this.#changed.add(host_id);
    });
    const hearing = route.listenIncidents(() => this.#has_news = true);
    const signal = AbortSignal.any([this.#gone.signal, route.stopping]);
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(this.#encoder.encode(`retry: ${RETRY_MS}\n\n`));
        void this.#run(controller, signal).finally(() => {
          listening[Symbol.dispose]();
          hearing[Symbol.dispose]();
          onEnd();
        });
      },
      cancel: () => this.#gone.abort(),
    });
  }

  async #run(
    controller: ReadableStreamDefaultController<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#route;
    let quiet_ms = 0;
    try {
      while (!signal.aborted) {
        await clock.sleep(TICK_MS, signal);
        quiet_ms += TICK_MS;
        // behind: what changes meanwhile is gathered
        if (signal.aborted || (controller.desiredSize ?? 0) <= 0) continue;
        const text = await this.#next();
        if (text === undefined && quiet_ms < QUIET_MS) continue;
        quiet_ms = 0;
        controller.enqueue(this.#encoder.encode(text ?? ": still here\n\n"));
      }
      controller.close();
    } catch {
      // the reader is gone, or the database is: the browser comes again
      try {
        controller.close();
      } catch {
        // it was closed by the reader
      }
    }
  }

  async #next(): Promise<string | undefined> {
    const news = this.#has_news ? "event: incidents\ndata: null\n\n" : "";
    this.#has_news = false;
    const reports = await this.#reports();
    return reports === undefined && news === "" ? undefined : `${news}${reports ?? ""}`;
  }

  async #reports(): Promise<string | undefined> {
    if (this.#changed.size === 0) return undefined;
    const ids = new Set(this.#changed);
    this.#changed.clear();
    const { hostname } = this.#subject;
    if (hostname === undefined) {
      return `event: hosts\ndata: ${JSON.stringify(await this.#route.glancesOf(ids))}\n\n`;
    }
    return `event: report\ndata: ${await this.#route.latestJson(hostname)}\n\n`;
  }
}
