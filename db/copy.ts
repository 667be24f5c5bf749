/**
 * COPY … FROM STDIN with an answer that can be trusted.
 *
 * The driver's own `.writable()` reports a failure only while data is still being written. A
 * violation found after the end of the data, or a connection lost while PostgreSQL commits, is
 * dropped and its stream never finishes. What happened is nevertheless told to the query object, which
 * is settled twice: `resolve(stream)` when PostgreSQL asks for data, and `resolve(result)` or
 * `reject(error)` when it is ready again. Here both are heard, so that this function returns exactly
 * when the server has committed (or the enclosing transaction's COPY has completed), and throws
 * exactly what it said otherwise. (postgres.js 3.4.9, src/connection.js: CopyInResponse,
 * ReadyForQuery, queryError; tests/db/copy_test.ts fails should a newer driver differ.)
 */
import type { PendingQuery, Row } from "postgres";
import type { Writable } from "node:stream";

/** What the driver calls on a query; not in its public types. */
interface SettledQuery {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  simple(): { execute(): void };
}

/**
 * Sends `chunks` as the data of a COPY and waits for its end.
 *
 * @param query a tagged `copy … from stdin …`, not yet awaited; its connection must be used
 *   by nobody else: the driver sends others' statements down a busy connection, and PostgreSQL takes
 *   them for a broken COPY
 * @throws what PostgreSQL or the connection said
 */
export function copyIn(
  query: PendingQuery<Row[]>,
  chunks: readonly Uint8Array[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    // the driver's types leave out what its own cursor() uses in the same way
    const settled = query as unknown as SettledQuery;
    let started = false;
    settled.resolve = (value) => {
      if (started) {
        resolve();
        return;
      }
      started = true;
      // the first value is the stream to write to (see above)
      const stream = value as Writable;
      // an error here is also given to reject(), with more detail
      stream.on("error", () => {});
      for (const chunk of chunks) stream.write(chunk);
      stream.end();
    };
    settled.reject = reject;
    settled.simple().execute();
  });
}

/**
 * The same for data that comes piece by piece and need not fit into memory: PostgreSQL is waited for
 * when it is behind.
 *
 * @throws what `source` threw (PostgreSQL is then told that the COPY has failed), or what PostgreSQL
 *   or the connection said
 */
export function copyInFrom(
  query: PendingQuery<Row[]>,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // as above
    const settled = query as unknown as SettledQuery;
    const ended = new AbortController();
    let started = false;
    let broken: { reason: unknown } | undefined;
    const pump = async (stream: Writable) => {
      stream.on("error", () => {});
      try {
        for await (const chunk of source) {
          if (ended.signal.aborted) return;
          if (!stream.write(chunk)) await drained(stream, ended.signal);
        }
        if (!ended.signal.aborted) stream.end();
      } catch (reason) {
        broken = { reason };
        // sends CopyFail; PostgreSQL's answer to it ends the query
        stream.destroy(reason instanceof Error ? reason : new Error(String(reason)));
      }
    };
    settled.resolve = (value) => {
      if (started) return resolve();
      started = true;
      void pump(value as Writable);
    };
    settled.reject = (error) => {
      ended.abort();
      reject(broken === undefined ? error : broken.reason);
    };
    settled.simple().execute();
  });
}

function drained(stream: Writable, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      ended.removeEventListener("abort", done);
      resolve();
    };
    stream.on("drain", done);
    ended.addEventListener("abort", done);
  });
}
