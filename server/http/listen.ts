/** The port: opened at the start, drained at the end. */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Registry } from "../metrics/registry.ts";
import type { ConnectionLimits } from "./connections.ts";
import { keepConnections } from "./keeper.ts";

/** Requests under way when the server stops get this long. */
const DRAIN_MS_MAX = 10_000;
/** After the port was lost: connections end meanwhile, and give their descriptors back. */
const AGAIN_MS = 200;
/** After it was closed for a renewed certificate: it is free within a turn of the event loop. */
const REOPEN_MS = 1;

type Handle = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

export interface ListenOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  clock: Clock;
  log: Logger;
  metrics: Registry;
  limits: ConnectionLimits;
  /** Closes the port again: requests under way are answered first. */
  started: AsyncDisposableStack;
}

/** PEM texts. */
export interface TlsKeys {
  cert: string;
  key: string;
}

export interface Listening {
  /** Where it is, as a URL. */
  readonly url: string;
  /** New connections get this certificate; requests under way on others are answered. */
  renew(tls: TlsKeys): Promise<void>;
}

/** Throws Deno's error when the address cannot be listened on; nothing stays open. */
export function probe({ host, port }: Pick<ListenOptions, "host" | "port">): void {
  Deno.listen({ hostname: host, port }).close();
}

/** Opens the port, which is closed with `started`. */
export function listen(
  handle: Handle,
  options: ListenOptions & { tls?: TlsKeys },
): Listening {
  const { host, clock, started } = options;
  const abort = new AbortController();
  const server = new PortServer(handle, { ...options, signal: abort.signal });
  started.defer(async () => {
    const drained = new AbortController();
    const late = clock.sleep(DRAIN_MS_MAX, drained.signal).then(() => {
      // requests still under way by now (half sent, never finished) are cut off
      if (!drained.signal.aborted) abort.abort();
    });
    await server.stop();
    drained.abort();
    await late;
  });
  keepConnections({ ...options, port: server.port });
  const local = ["127.0.0.1", "::1", "0.0.0.0", "::"].includes(host);
  const name = local ? "localhost" : host;
  const scheme = options.tls === undefined ? "http" : "https";
  return {
    url: `${scheme}://${name.includes(":") ? `[${name}]` : name}:${server.port}`,
    renew: (tls) => server.renew(tls),
  };
}

/**
 * `Deno.serve` ends when a connection cannot be accepted, as when this process has no descriptor left
 * ("Too many open files"). The port is then opened again.
 *
 * Nor can Deno change the certificate of a port: for a renewed one it is closed and opened again, too.
 * Who connects in these milliseconds is refused, and comes again.
 */
class PortServer {
  readonly #open: (port: number, tls: TlsKeys | undefined) => Deno.HttpServer<Deno.NetAddr>;
  readonly #options: Pick<ListenOptions, "clock" | "log">;
  readonly #stopping = new AbortController();
  /** Of each that was opened and still answers. */
  readonly #watching = new Set<Promise<void>>();
  #tls: TlsKeys | undefined;
  #http: Deno.HttpServer<Deno.NetAddr>;
  readonly port: number;

  constructor(
    handle: Handle,
    options: Pick<ListenOptions, "host" | "port" | "clock" | "log"> & {
      signal: AbortSignal;
      tls?: TlsKeys;
    },
  ) {
    const { host: hostname, signal } = options;
    this.#open = (port, tls) =>
      Deno.serve({ hostname, port, signal, onListen() {}, ...tls }, handle);
    this.#options = options;
    this.#tls = options.tls;
    this.#http = this.#open(options.port, this.#tls);
    this.port = this.#http.addr.port;
    this.#watch(this.#http);
  }

  #watch(http: Deno.HttpServer<Deno.NetAddr>): void {
    const { log } = this.#options;
    const watching = http.finished.catch(async (error) => {
      // one that a renewal has replaced leaves the port to the other
      if (this.#stopping.signal.aborted || http !== this.#http) return;
      log.error("the port was lost and is opened again", { port: this.port, error });
      await this.#again(AGAIN_MS);
    }).finally(() => this.#watching.delete(watching));
    this.#watching.add(watching);
  }

  async #again(wait_ms: number): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#options.clock.sleep(wait_ms, signal);
      if (signal.aborted) return;
      try {
        this.#http = this.#open(this.port, this.#tls);
        this.#watch(this.#http);
        return;
      } catch {
        // no descriptor is free yet, or the one before is not quite closed
      }
    }
  }

  async renew(tls: TlsKeys): Promise<void> {
    this.#tls = tls;
    const before = this.#http;
    // its requests are answered while the port is somebody else's; `stop` waits for them
    void before.shutdown().catch(() => {});
    await this.#again(REOPEN_MS);
  }

  /** Answers what is under way, and takes no more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#http.shutdown().catch(() => {});
    await Promise.all(this.#watching);
  }
}
