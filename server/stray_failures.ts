/**
 * Failures of lost connections that reach nobody: the driver of PostgreSQL rejects, now and then, what it
 * has given to no one (seen once, at a write to a connection that the other side had just ended). Whoever
 * asked has been told by a rejection of its own; the server goes on.
 *
 * Everything else that nobody catches is a mistake of ours and ends the program with its stack: nobody
 * knows what state it has left behind. Acknowledged reports are stored by then, and whatever watches over
 * the program starts it again.
 */
import { codeOf, isConnectionFailure } from "../db/sqlstate.ts";
import type { Logger } from "../log.ts";

/** Until it is disposed of. */
export function surviveLostConnections(log: Logger): Disposable {
  const listener = (event: PromiseRejectionEvent) => {
    // a file that is not there says the same as the socket of a PostgreSQL that is not
    if (!isConnectionFailure(event.reason) || codeOf(event.reason) === "ENOENT") return;
    event.preventDefault();
    log.warn("a connection was lost where nobody waited for it", { error: event.reason });
  };
  globalThis.addEventListener("unhandledrejection", listener);
  return {
    [Symbol.dispose]: () => globalThis.removeEventListener("unhandledrejection", listener),
  };
}
