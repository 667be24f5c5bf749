/**
 * A StatsD listener as a collector: clients send what they like, and each run, aligned as all are,
 * makes a report of it. Bound to loopback unless the operator says otherwise, since whoever can send
 * a packet can make a series. The socket is opened by the first run, and tried again by the next ones.
 */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { MetricMetadata } from "../../report.ts";
import type { Outcome, Runner } from "../runner.ts";
import type { StatsdSettings } from "./settings.ts";
import type { SourceContext } from "./source.ts";
import { StatsdTotals } from "./statsd_totals.ts";

/** Asked of the system, which may give less: packets that come while something else is done. */
const RECEIVE_BYTES = 1024 * 1024;

const COUNTER = { kind: "counter" } as const;
const ABOUT: Record<string, MetricMetadata> = {
  packets_total: { ...COUNTER, description: "Packets received" },
  lines_total: { ...COUNTER, description: "Lines received" },
  lines_bad_total: { ...COUNTER, description: "Lines that made no sense" },
  lines_foreign_total: { ...COUNTER, description: "Events and service checks, which are left out" },
  overflow_total: { ...COUNTER, description: "Lines and members of sets there was no room for" },
  names: { kind: "gauge", description: "Names that are kept" },
};

export class StatsdRunner implements Runner {
  readonly #name: string;
  readonly #settings: StatsdSettings;
  readonly #context: SourceContext;
  readonly #totals: StatsdTotals;
  #socket: Socket | undefined;
  #disposed = false;
  #packets = 0;
  #metadata: ReadonlyMap<string, MetricMetadata> = new Map();

  constructor(
    collector: { name: string; settings: StatsdSettings; random?: () => number },
    context: SourceContext,
  ) {
    const { name, settings, random = Math.random } = collector;
    this.#name = name;
    this.#settings = settings;
    this.#context = context;
    this.#totals = new StatsdTotals({
      prefix: settings.prefix ?? "",
      names_max: settings.names_max,
      expire_ms: settings.expire,
      random,
    });
  }

  /** Where it listens; undefined while it does not. */
  get port(): number | undefined {
    return this.#socket?.address().port;
  }

  async collect(): Promise<Outcome> {
    const stopped: Outcome = { kind: "lost", message: "it was stopped" };
    if (this.#disposed) return stopped;
    try {
      const socket = this.#socket ?? await this.#listen();
      if (this.#disposed) {
        await closed(socket);
        return stopped;
      }
      this.#socket = socket;
    } catch (error) {
      const { host, port } = this.#settings;
      const why = error instanceof Error ? error.message : String(error);
      return { kind: "failed", message: `cannot listen on UDP ${host}, port ${port}: ${why}` };
    }
    const { series, metadata } = this.#totals.flush(this.#context.clock.monotonic());
    this.#metadata = metadata;
    const { lines, lines_bad, lines_foreign, overflow, names } = this.#totals.numbers();
    const own = {
      packets_total: this.#packets,
      lines_total: lines,
      lines_bad_total: lines_bad,
      lines_foreign_total: lines_foreign,
      overflow_total: overflow,
      names,
    };
    for (const [key, value] of Object.entries(own)) series.set(`${this.#name}.${key}`, value);
    return { kind: "done", series };
  }

  metadata(series: string): MetricMetadata | undefined {
    const own = series.startsWith(`${this.#name}.`) ? series.slice(this.#name.length + 1) : "";
    return Object.hasOwn(ABOUT, own) ? ABOUT[own] : this.#metadata.get(series);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) await closed(socket);
  }

  #listen(): Promise<Socket> {
    const { host, port } = this.#settings;
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    const decoder = new TextDecoder();
    return new Promise((resolve, reject) => {
      const onFault = (error: Error) => void closed(socket).then(() => reject(error));
      socket.once("error", onFault);
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.off("error", onFault);
        socket.on("error", (error) => {
          this.#context.log.warn("StatsD socket failed", { reason: error.message });
        });
        socket.on("message", (packet) => {
          this.#packets++;
          this.#totals.take(decoder.decode(packet), this.#context.clock.monotonic());
        });
        growBuffer(socket);
        resolve(socket);
      });
    });
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.close(() => resolve()));
}

function growBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BYTES);
  } catch {
    // The system's own size is what there is.
  }
}
