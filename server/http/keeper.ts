/** Closes connections that are idle, slow, stuck or too many, every few seconds: connections.ts. */
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Registry } from "../metrics/registry.ts";
import { type ConnectionFacts, type ConnectionLimits, ConnectionTable } from "./connections.ts";
import { Sockets } from "./sockets.ts";

const LOOK_MS = 2_000;
/** Descriptors looked at in one turn: about a millisecond. */
const A_TURN = 200;
/** A line in the log: once in so much time. */
const LINE_MS = 60_000;

export interface KeeperOptions {
  port: number;
  limits: ConnectionLimits;
  clock: Clock;
  log: Logger;
  metrics: Registry;
  started: AsyncDisposableStack;
}

/** Starts to look after the connections of a port, where this system can. */
export function keepConnections(options: KeeperOptions): void {
  const { port, clock, log, metrics, started } = options;
  if (Deno.build.os !== "linux") return;
  let sockets: Sockets;
  try {
    sockets = new Sockets(port);
  } catch (error) {
    log.info("connections are not looked after: this system does not tell of them", { error });
    return;
  }
  const table = new ConnectionTable();
  metrics.read("monitor_server_connections", {
    kind: "gauge",
    help: "Open connections to the server",
  }, () => table.size);
  const closed = metrics.counter("monitor_server_connections_closed_total", {
    help: "Connections closed because they were idle, slow, stuck or too many (crowded)",
    label: "reason",
  });
  const stopping = new AbortController();
  let told_ms = -Infinity;
  const look = async () => {
    const found = await factsOf(sockets);
    const closing = table.look(found, clock.monotonic(), options.limits);
    for (const [key, reason] of closing) if (sockets.close(key)) closed.add(1, reason);
    const [bad] = [...closing.values()].filter((reason) => reason !== "idle");
    if (bad === undefined || clock.monotonic() - told_ms < LINE_MS) return;
    told_ms = clock.monotonic();
    log.warn("connections closed", { reason: bad, closed: closing.size, open: found.length });
  };
  let isFailing = false;
  const lookAgain = async () => {
    try {
      await look();
      isFailing = false;
    } catch (error) {
      // to look takes a descriptor, too: when none is left it does not work, and later it does
      if (!isFailing) log.error("connections cannot be looked after just now", { error });
      isFailing = true;
    }
  };
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await lookAgain();
      await clock.sleep(LOOK_MS, stopping.signal);
    }
  })();
  started.defer(async () => {
    stopping.abort();
    await running;
  });
}

async function factsOf(sockets: Sockets): Promise<ConnectionFacts[]> {
  const found: ConnectionFacts[] = [];
  for (const [i, fd] of (await sockets.descriptors()).entries()) {
    const facts = sockets.facts(fd);
    if (facts !== undefined) found.push(facts);
    if (i % A_TURN === A_TURN - 1) await setImmediate();
  }
  return found;
}
