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

/** Throws Deno's error when the address cannot be listened on; nothing stays open. */
export function probe({ host, port }: Pick<ListenOptions, "host" | "port">): void {
  Deno.listen({ hostname: host, port }).close();
}

/** Opens the port and returns where it is, as a URL. */
export function listen(
  handle: Handle,
  options: ListenOptions,
): string {
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
  return `http://${name.includes(":") ? `[${name}]` : name}:${server.port}`;
}

/**
 * `Deno.serve` ends when a connection cannot be accepted, as when this process has no descriptor left
 * ("Too many open files"). The port is then opened again.
 */
class PortServer {
  readonly #open: (port: number) => Deno.HttpServer<Deno.NetAddr>;
  readonly #options: Pick<ListenOptions, "clock" | "log"> & { signal: AbortSignal };
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  #http: Deno.HttpServer<Deno.NetAddr>;
  readonly port: number;

  constructor(
    handle: Handle,
    options: Pick<ListenOptions, "host" | "port" | "clock" | "log"> & { signal: AbortSignal },
  ) {
    const { host: hostname, signal } = options;
    this.#open = (port) => Deno.serve({ hostname, port, signal, onListen() {} }, handle);
    this.#options = options;
    this.#http = this.#open(options.port);
    this.port = this.#http.addr.port;
    this.#watching = this.#watch();
  }

  async #watch(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#http.finished;
        return;
      } catch (error) {
        log.error("the port was lost and is opened again", { port: this.port, error });
      }
      await this.#again(clock, signal);
    }
  }

  async #again(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(AGAIN_MS, signal);
      try {
        this.#http = this.#open(this.port);
        return;
      } catch {
        // no descriptor is free yet
      }
    }
  }

  /** Answers what is under way, and takes no more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#http.shutdown().catch(() => {});
    await this.#watching;
  }
}
