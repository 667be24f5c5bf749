/** What has come to a receiver, and a wait for more of it. */

/** Whoever waits longer waits in vain. */
const PATIENCE_MS = 30_000;

export class Arrivals<T> {
  readonly received: T[] = [];
  readonly #waiting = new Set<() => void>();

  add(one: T): void {
    this.received.push(one);
    for (const look of this.#waiting) look();
  }

  /** Resolves when there are this many; rejects when they do not come. */
  async count(wanted: number): Promise<T[]> {
    if (this.received.length >= wanted) return this.received;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (this.received.length >= wanted) resolve();
    };
    this.#waiting.add(look);
    const timer = setTimeout(
      () => reject(new Error(`only ${this.received.length} of ${wanted} came`)),
      PATIENCE_MS,
    );
    try {
      await promise;
      return this.received;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }
}
