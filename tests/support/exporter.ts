/** A server that shows a page as exporters do, and says what it was asked. */

export interface Exporter extends AsyncDisposable {
  readonly url: string;
  /** Headers of the last request. */
  readonly asked: Headers;
  answer: (request: Request) => Response | Promise<Response>;
}

export function exporter(page: string | Exporter["answer"]): Exporter {
  let asked = new Headers();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    asked = request.headers;
    return result.answer(request);
  });
  const result: Exporter = {
    url: `http://127.0.0.1:${server.addr.port}/metrics`,
    get asked() {
      return asked;
    },
    answer: typeof page === "function" ? page : () =>
      new Response(page, {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      }),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
  return result;
}

/** A recorded page, as `curl` shows it. */
export async function recordedPage(name: string): Promise<string> {
  const file = await Deno.open(new URL(`../testdata/${name}`, import.meta.url));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
}
