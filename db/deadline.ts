/**
 * A limit for what waits on the database. The driver may lose a statement when its connection is cut
 * at the wrong moment (connect.ts does what can be done), and a network may swallow one: whoever waits
 * for it waits for ever. What others wait for in turn must not.
 */

/** Nothing came back in time. It counts as a lost connection. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
  readonly code = "CONNECT_TIMEOUT";
}

export interface DeadlineOptions {
  ms: number;
  /** Called when a third of the time is over, if it is not done by then. */
  onSlow?: () => void;
}

/** @throws DeadlineError */
export async function withinDeadline<T>(work: Promise<T>, options: DeadlineOptions): Promise<T> {
  const { ms, onSlow } = options;
  const late = Promise.withResolvers<never>();
  const slow = onSlow && setTimeout(onSlow, ms / 3);
  const timer = setTimeout(() => {
    late.reject(new DeadlineError(`The database has not answered for ${ms / 1000} s`));
  }, ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(slow);
    clearTimeout(timer);
    work.catch(() => {});
  }
}
