/** Statements that are given up when whoever asked is gone. */
/** Rejects what comes after the question has been given up. */
export class GivenUpError extends Error {
  override name = "GivenUpError";
}

/** @throws GivenUpError when nobody waits for the answer any more */
export function requireWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new GivenUpError("Cannot answer: whoever asked is gone");
}

/**
 * Asks, and asks PostgreSQL to stop as soon as `signal` is aborted: a statement that nobody waits for
 * would keep its connection and a processor until its end.
 */
export function cancelledBy(
  query: { cancel(): void },
  signal: AbortSignal | undefined,
): Disposable {
  // a statement that has not begun is taken out of the driver's queue by the same call
  const stop = () => query.cancel();
  signal?.addEventListener("abort", stop, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", stop) };
}
