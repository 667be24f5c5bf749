/**
 * COPY … TO STDOUT as a stream with back-pressure: while the consumer is busy, PostgreSQL waits, so
 * that a table of any size is read in little memory.
 *
 * Three things about the driver's stream (postgres.js 3.4.9, src/connection.js: CopyOutResponse,
 * CopyData, CopyDone), the first two of which would leave the connection hanging:
 *
 * - It pauses the socket when the consumer is behind, and resumes it when the stream asks for more. A
 *   stream that has got its end does not ask any more, and what follows it (that the COPY is
 *   complete) is never read. So the socket is resumed here after the end.
 * - A destroyed stream never asks for more either. A consumer that leaves early therefore does not
 *   destroy it: the rest is read and thrown away, and the connection is as good as before.
 * - The statement is taken for answered when the stream begins, and is not cancelled any more. So it is
 *   said here that it is still at work.
 */
import type { Readable } from "node:stream";
import type { PendingQuery, Row } from "postgres";

/**
 * The bytes of a COPY, in pieces of any size.
 *
 * @param query a tagged `copy … to stdout …` without parameters, not yet awaited, in a transaction: the
 *   driver gives others' connections away before the end
 * @throws what PostgreSQL or the connection said
 */
export async function* copyOut(query: PendingQuery<Row[]>): AsyncGenerator<Uint8Array> {
  const stream = await query.readable();
  Object.assign(query, { active: true });
  let ended = false;
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk;
    ended = true;
  } finally {
    if (!ended && stream.errored === null) await discard(stream);
    resumeSocket(stream);
  }
}

async function discard(stream: Readable): Promise<void> {
  try {
    // deno-lint-ignore no-empty -- reading is all there is to do
    for await (const _ of stream) {}
  } catch {
    // the transaction tells what happened to its connection
  }
}

function resumeSocket(stream: Readable): void {
  try {
    // asking for more is what resumes it
    stream._read(0);
  } catch {
    // there is no socket any more: the transaction tells
  }
}
