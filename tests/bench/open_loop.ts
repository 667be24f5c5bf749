/**
 * Offers requests at a rate, whatever the server does with them: an open loop. (`wrk` waits for an
 * answer before it sends again, so it offers just what is taken.) Each connection has one request
 * under way; when all of them wait, what is due is counted as `unsent`.
 *
 * Reports have no time of their own: the server gives each another one, so that what is stored of a
 * host can be counted against what was acknowledged.
 */
import { gzipSync } from "node:zlib";
import { systemClock } from "../../clock.ts";
import { HOSTS, METRICS } from "./load.ts";

const encoder = new TextEncoder();
const ANSWER_BYTES_MAX = 16 * 1024;
const TICK_MS = 2;
/** Bodies from this size on are packed, as agents do it (agent/post.ts). */
const PACKED_BYTES_MIN = 32 * 1024;
const PACK_LEVEL = 3;

export interface Answered {
  status: number;
  /** When it was sent, since the loop began, and how long the answer took. */
  sent_ms: number;
  took_ms: number;
}

export interface Offered {
  answered: Answered[];
  /** Requests that were due while every connection waited. */
  unsent: number;
  /** Connections that ended without an answer. */
  broken: number;
}

export interface OfferOptions {
  url: string;
  connections: number;
  /** Requests a second; Infinity for as many as are answered. */
  rate: number;
  seconds: number;
  /** Made by `requests`: sent in turn. */
  requests: readonly Uint8Array[];
}

/** Three in four values have two decimals, one is a whole number: as metrics look. */
function metricsText(host: number): string {
  return Array.from({ length: METRICS }, (_, i) => {
    const seed = (i + 1) * 7919 + host * 104_729;
    const value = (i + 1) % 4 === 0 ? String(seed) : (seed % 10_000 / 100).toFixed(2);
    return `"metric_name_${String(i + 1).padStart(3, "0")}":${value}`;
  }).join(",");
}

/** Requests of `batch` reports, each of another host; together they are all hosts. */
export function requests(url: string, batch: number): Uint8Array[] {
  const reports = Array.from(
    { length: HOSTS },
    (_, i) => `{"hostname":"host-${String(i).padStart(4, "0")}","metrics":{${metricsText(i)}}}`,
  );
  return Array.from({ length: Math.floor(HOSTS / batch) }, (_, i) => {
    const own = reports.slice(i * batch, (i + 1) * batch);
    const plain = encoder.encode(batch === 1 ? own[0] ?? "" : `[${own.join(",")}]`);
    const is_packed = plain.length >= PACKED_BYTES_MIN;
    const body = is_packed ? gzipSync(plain, { level: PACK_LEVEL }) : plain;
    const head = encoder.encode(
      `POST /metrics HTTP/1.1\r\nhost: ${new URL(url).host}\r\ncontent-type: application/json\r\n` +
        `${is_packed ? "content-encoding: gzip\r\n" : ""}content-length: ${body.length}\r\n\r\n`,
    );
    const request = new Uint8Array(head.length + body.length);
    request.set(head);
    request.set(body, head.length);
    return request;
  });
}

/** One connection; opened again when the server closes it. */
class Sender {
  readonly #options: OfferOptions;
  readonly #buffer = new Uint8Array(ANSWER_BYTES_MAX);
  #connection: Deno.TcpConn | undefined;

  constructor(options: OfferOptions) {
    this.#options = options;
  }

  /** Its status; 0 when the connection ended without one. */
  async send(request: Uint8Array): Promise<number> {
    try {
      this.#connection ??= await this.#open();
      for (let sent = 0; sent < request.length;) {
        sent += await this.#connection.write(sent === 0 ? request : request.subarray(sent));
      }
      // answers are short: the head and body of one come together
      const read = await this.#connection.read(this.#buffer) ?? 0;
      const head = String.fromCharCode(...this.#buffer.subarray(0, Math.min(read, 400)));
      if (/^connection: close/mi.test(head)) this.close();
      return Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0);
    } catch {
      this.close();
      return 0;
    }
  }

  /** So that opening thousands of them is not a part of what is measured. */
  async open(): Promise<void> {
    this.#connection ??= await this.#open();
  }

  async #open(): Promise<Deno.TcpConn> {
    const { hostname, port } = new URL(this.#options.url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    connection.setNoDelay(true);
    return connection;
  }

  close(): void {
    try {
      this.#connection?.close();
    } catch {
      // it ended by itself
    }
    this.#connection = undefined;
  }
}

/** Offers requests and gathers the answers. */
export async function offer(options: OfferOptions): Promise<Offered> {
  const { connections, rate, seconds, requests } = options;
  const offered: Offered = { answered: [], unsent: 0, broken: 0 };
  const idle = Array.from({ length: connections }, () => new Sender(options));
  const senders = [...idle];
  for (const sender of senders) await sender.open();
  const under_way = new Set<Promise<void>>();
  const began_ms = systemClock.monotonic();
  const elapsed_ms = () => systemClock.monotonic() - began_ms;
  let next = 0;
  const send = async (sender: Sender) => {
    const sent_ms = elapsed_ms();
    const status = await sender.send(requests[next++ % requests.length] ?? new Uint8Array());
    if (status === 0) offered.broken++;
    else offered.answered.push({ status, sent_ms, took_ms: elapsed_ms() - sent_ms });
    idle.push(sender);
  };
  let due = 0;
  while (elapsed_ms() < seconds * 1000) {
    const now_due = rate === Infinity ? Infinity : Math.floor(elapsed_ms() / 1000 * rate);
    while (due < now_due) {
      const sender = idle.pop();
      if (sender === undefined) break;
      due++;
      const sending = send(sender).finally(() => under_way.delete(sending));
      under_way.add(sending);
    }
    if (rate !== Infinity && due < now_due) {
      offered.unsent += now_due - due;
      due = now_due;
    }
    await systemClock.sleep(TICK_MS);
  }
  await Promise.all(under_way);
  for (const sender of senders) sender.close();
  return offered;
}
