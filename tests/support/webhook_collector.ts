/** A receiver of webhooks: an HTTP server that keeps what it got and answers what a test wants. */

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
  /** Resolves when there are this many. */
  count(wanted: number): Promise<Received[]>;
}

export function webhookCollector(): WebhookCollector {
  const received: Received[] = [];
  const waiting: { wanted: number; resolve: (all: Received[]) => void }[] = [];
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
      received.push(one);
      for (const { wanted, resolve } of waiting) if (received.length >= wanted) resolve(received);
      return await collector.answer(one);
    },
  );
  const collector: WebhookCollector = {
    url: `http://127.0.0.1:${server.addr.port}`,
    received,
    answer: () => new Response("ok"),
    count: (wanted) =>
      received.length >= wanted
        ? Promise.resolve(received)
        : new Promise((resolve) => waiting.push({ wanted, resolve })),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await server.finished;
    },
  };
  return collector;
}
