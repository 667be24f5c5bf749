/**
 * One run of aggregation, in a Worker: encoding blocks keeps a thread busy for seconds, in which the
 * server's own must answer requests. The Worker has its own connections; what it logs goes through
 * the server's log.
 */
import { systemClock } from "../../clock.ts";
import { connect } from "../../db/connect.ts";
import { codeOf } from "../../db/sqlstate.ts";
import type { LogFields, Logger, LogLevel } from "../../log.ts";
import { RUN_CONNECTIONS, runAggregation } from "./run.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

/** Statements under way at the end get this long. */
const CLOSE_SECONDS_MAX = 5;

// The program is checked as a window, this file runs as a Worker: the calls it needs.
const scope = globalThis as unknown as {
  addEventListener(type: "message", listener: (event: MessageEvent<ToWorker>) => void): void;
  postMessage(message: FromWorker): void;
};

function forwardingLogger(fixed: LogFields): Logger {
  const at = (level: LogLevel) => (msg: string, fields: LogFields = {}) => {
    const plain = Object.entries({ ...fixed, ...fields }).map(([key, value]) => [
      key,
      // an error would lose its message on the way
      value instanceof Error ? value.message : value,
    ]);
    scope.postMessage({ type: "log", level, msg, fields: Object.fromEntries(plain) });
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => forwardingLogger({ ...fixed, ...fields }),
  };
}

async function run(
  order: Extract<ToWorker, { type: "run" }>,
  signal: AbortSignal,
): Promise<FromWorker> {
  const log = forwardingLogger({});
  const sql = connect(order.address, {
    connections_max: RUN_CONNECTIONS,
    application_name: "monitor aggregate",
    log,
  });
  try {
    const outcome = await runAggregation({ ...order, sql, log, clock: systemClock, signal });
    return { type: "done", outcome };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { type: "failed", message, code: codeOf(error) };
  } finally {
    await sql.end({ timeout: CLOSE_SECONDS_MAX });
  }
}

const stop = new AbortController();

scope.addEventListener("message", ({ data }) => {
  if (data.type === "stop") stop.abort();
  else run(data, stop.signal).then((result) => scope.postMessage(result));
});
