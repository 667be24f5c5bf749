/**
 * Whether something has happened to an incident or a downtime, for those who follow live: they read
 * what they show of it again. Told by this server's own evaluator and by what people do through this
 * server; pages beside other servers look every few seconds, too.
 */
export class IncidentNews {
  readonly #listeners = new Set<() => void>();

  /** Calls `listener` each time until disposed. */
  listen(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Something has happened. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
