/**
 * The wire between simulated agents and the server: it loses requests and answers, delivers some twice,
 * holds some back until a later time, and answers for a server that is down. What happens to request k
 * follows from the seed and k.
 */
import type { Clock } from "../../clock.ts";
import { Rng } from "../fuzz/rng.ts";

export interface Network extends AsyncDisposable {
  /** Where agents send to. */
  readonly url: string;
  /** Undefined: nobody listens there. */
  server_url: string | undefined;
  /** 0: a good wire; 1: nothing gets through whole. */
  loss: number;
  /** Requests that somebody works at: not those that are held back. */
  readonly busy: number;
  readonly counts: Readonly<Record<Fate, number>>;
}

const FATES = ["passed", "lost", "answer_lost", "doubled", "held", "refused", "down"] as const;
type Fate = typeof FATES[number];

const HELD_MS_MAX = 180_000;

export function network(seed: number, clock: Clock): Network {
  const stop = new AbortController();
  const counts = Object.fromEntries(FATES.map((fate) => [fate, 0])) as Record<Fate, number>;
  let [number, busy] = [0, 0];
  const fateOf = (rng: Rng): Fate => {
    if (net.server_url === undefined) return "down";
    if (!rng.chance(net.loss)) return "passed";
    return rng.pick(["lost", "answer_lost", "answer_lost", "doubled", "held", "refused"]);
  };
  const forward = async (body: Uint8Array<ArrayBuffer>, headers: Headers) => {
    const url = net.server_url;
    if (url === undefined) throw new Error("down");
    const type = headers.get("content-encoding");
    const response = await fetch(`${url}/metrics`, {
      method: "POST",
      body,
      headers: type === null ? {} : { "content-encoding": type },
    });
    const answer = await response.text();
    const { status } = response;
    const kept = ["retry-after", "date"].flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    return new Response(answer, { status, headers: Object.fromEntries(kept) });
  };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {}, onError: () => broken() },
    async (request) => {
      const rng = new Rng(seed, number++);
      const body = new Uint8Array(await request.arrayBuffer());
      const fate = fateOf(rng);
      counts[fate]++;
      busy++;
      try {
        if (fate === "lost" || fate === "down") return broken();
        if (fate === "refused") {
          return new Response("full", { status: 503, headers: { "retry-after": "10" } });
        }
        if (fate === "held") {
          busy--;
          await clock.sleep(rng.below(HELD_MS_MAX), stop.signal);
          busy++;
        }
        const answer = await forward(body, request.headers);
        if (fate === "doubled") return await forward(body, request.headers);
        return fate === "answer_lost" ? broken() : answer;
      } catch {
        return broken();
      } finally {
        busy--;
      }
    },
  );
  const net: Network = {
    url: `http://127.0.0.1:${server.addr.port}`,
    server_url: undefined,
    loss: 0,
    get busy() {
      return busy;
    },
    counts,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.shutdown();
    },
  };
  return net;
}

/** An answer whose connection breaks in the middle. */
function broken(): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"status": "rec')),
    pull: (controller) => controller.error(new Error("cut")),
  });
  return new Response(body, { headers: { "content-length": "100" } });
}
