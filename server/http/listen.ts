/** The port: opened at the start, drained at the end. */
import type { Clock } from "../../clock.ts";

/** Requests under way when the server stops get this long. */
const DRAIN_MS_MAX = 10_000;

export interface ListenOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  clock: Clock;
  /** Closes the port again: requests under way are answered first. */
  started: AsyncDisposableStack;
}

/** Throws Deno's error when the address cannot be listened on; nothing stays open. */
export function probe({ host, port }: Pick<ListenOptions, "host" | "port">): void {
  Deno.listen({ hostname: host, port }).close();
}

/** Opens the port and returns where it is, as a URL. */
export function listen(
  handle: (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>,
  options: ListenOptions,
): string {
  const { host, port, clock, started } = options;
  const abort = new AbortController();
  const http = Deno.serve({
    hostname: host,
    port,
    signal: abort.signal,
    onListen() {},
  }, handle);
  started.defer(async () => {
    const drained = new AbortController();
    const late = clock.sleep(DRAIN_MS_MAX, drained.signal).then(() => {
      // requests still under way by now (half sent, never finished) are cut off
      if (!drained.signal.aborted) abort.abort();
    });
    await http.shutdown();
    drained.abort();
    await late;
  });
  const local = ["127.0.0.1", "::1", "0.0.0.0", "::"].includes(host);
  const name = local ? "localhost" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${http.addr.port}`;
}
