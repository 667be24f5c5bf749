/**
 * A wire between senders and a server that breaks: while it is lossy, each connection is cut after some
 * thousand bytes in either direction, in the middle of a request or of an answer.
 */

export interface LossyProxy extends AsyncDisposable {
  readonly url: string;
  isLossy: boolean;
  /** Connections that were cut. */
  readonly cuts: number;
}

const BYTES_MIN = 200;
const BYTES_MAX = 12_000;

/** A wire to the server at `target` (`http://127.0.0.1:8888`). */
export function lossyProxy(target: string, random: () => number): LossyProxy {
  const { hostname, port } = new URL(target);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const joined: Promise<unknown>[] = [];
  let cuts = 0;
  const close = (connection: Deno.Conn) => {
    try {
      connection.close();
    } catch {
      // the other side was faster
    }
    open.delete(connection);
  };
  const join = async (client: Deno.Conn) => {
    const server = await Deno.connect({ hostname, port: Number(port) });
    open.add(client).add(server);
    let left = BYTES_MIN + random() * (BYTES_MAX - BYTES_MIN);
    const counter = () =>
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform: (chunk, controller) => {
          left -= chunk.length;
          if (left > 0 || !proxy.isLossy) return controller.enqueue(chunk);
          controller.enqueue(chunk.subarray(0, Math.max(0, chunk.length + left)));
          cuts++;
          throw new Error("cut");
        },
      });
    await Promise.race([
      client.readable.pipeThrough(counter()).pipeTo(server.writable).catch(() => {}),
      server.readable.pipeThrough(counter()).pipeTo(client.writable).catch(() => {}),
    ]);
    close(client);
    close(server);
  };
  const accepting = (async () => {
    for await (const client of listener) joined.push(join(client).catch(() => close(client)));
  })();
  const proxy = {
    url: `http://127.0.0.1:${listener.addr.port}`,
    isLossy: false,
    get cuts() {
      return cuts;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) close(connection);
      await accepting;
      await Promise.all(joined);
    },
  };
  return proxy;
}
