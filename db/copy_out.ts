/**
 * COPY … TO STDOUT as a stream with back-pressure: while the consumer is busy, PostgreSQL waits, so
 * that a table of any size is read in little memory.
 *
 * The driver hands out a stream that it stops feeding as soon as it is destroyed, and with it the
 * connection, for good. So a consumer that leaves early does not destroy it: the rest is read and
 * thrown away, and the connection is as good as before.
 */
import type { PendingQuery, Row } from "postgres";

/**
 * The bytes of a COPY, in pieces of any size.
 *
 * @param query a tagged `copy … to stdout …` without parameters, not yet awaited, in a transaction
 *   (or on a reserved connection): the driver gives others' connections away before the end
 * @throws what PostgreSQL or the connection said
 */
export async function* copyOut(query: PendingQuery<Row[]>): AsyncGenerator<Uint8Array> {
  const stream = await query.readable();
  let ended = false;
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk;
    ended = true;
  } finally {
    if (!ended && !stream.destroyed && !stream.readableEnded) {
      // its failure, should there be one, is told by the transaction it belongs to
      stream.on("error", () => {});
      stream.resume();
    }
  }
}
