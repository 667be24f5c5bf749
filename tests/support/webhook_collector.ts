/** A receiver of webhooks: an HTTP server that keeps what it got and answers what a test wants. */
import { Arrivals } from "./arrivals.ts";

export interface Received {
  method: string;
  /** With the query. */
  path: string;
  headers: Headers;
  text: string;
}

export interface WebhookCollector extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly received: Received[];
  /** What to answer from now on; 200 at first. May wait. */
  answer: (request: Received) => Response | Promise<Response>;
  /** Resolves when there are this many; rejects when they do not come. */
  count(wanted: number): Promise<Received[]>;
}

export function webhookCollector(): WebhookCollector {
  const arrivals = new Arrivals<Received>();
  const { received } = arrivals;
  const closing = new AbortController();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {}, signal: closing.signal },
    async (request) => {
      const url = new URL(request.url);
      const one: Received = {
        method: request.method,
        path: url.pathname + url.search,
        headers: request.headers,
        text: await request.text(),
      };
      arrivals.add(one);
      return await collector.answer(one);
    },
  );
  const collector: WebhookCollector = {
    url: `http://127.0.0.1:${server.addr.port}`,
    received,
    answer: () => new Response("ok"),
    count: (wanted) => arrivals.count(wanted),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await server.finished;
    },
  };
  return collector;
}
