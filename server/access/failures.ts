/**
 * Slows down who guesses tokens: after ten failures an address has to wait, first a second, then twice
 * as long with each further failure, up to a minute. Ten minutes without a failure and all is
 * forgotten. Who shows a token that is known to be right is not slowed: others may be behind the
 * same address. Pure: time is an argument.
 */

const FREE_FAILURES = 10;
const WAIT_MS = 1_000;
const WAIT_MS_MAX = 60_000;
const FORGET_MS = 600_000;
/** Addresses remembered; beyond that the one whose last failure is longest ago is forgotten. */
const ADDRESSES_MAX = 10_000;

interface Failures {
  count: number;
  last_ms: number;
}

export class FailureTable {
  /** In the order of the last failure, oldest first. */
  readonly #addresses = new Map<string, Failures>();

  get size(): number {
    return this.#addresses.size;
  }

  /** Milliseconds this address has to wait before it may try again; 0 when it may. */
  waitMs(address: string, now_ms: number): number {
    const known = this.#addresses.get(address);
    if (known === undefined || known.count < FREE_FAILURES) return 0;
    const wait_ms = Math.min(WAIT_MS_MAX, WAIT_MS * 2 ** (known.count - FREE_FAILURES));
    return Math.max(0, known.last_ms + wait_ms - now_ms);
  }

  /** A token was wrong. */
  failed(address: string, now_ms: number): void {
    const known = this.#addresses.get(address);
    const is_new = known === undefined || now_ms - known.last_ms > FORGET_MS;
    this.#addresses.delete(address);
    this.#addresses.set(address, { count: is_new ? 1 : known.count + 1, last_ms: now_ms });
    if (this.#addresses.size <= ADDRESSES_MAX) return;
    const [oldest] = this.#addresses.keys();
    if (oldest !== undefined) this.#addresses.delete(oldest);
  }
}
