/**
 * Which of several servers of one database reports go to. Pure; time is an argument.
 *
 * Machines spread over the servers by the hash of their names, and each stays with its own. When it
 * does not take a report the next one is tried at once; when none does, there is a wait as with one
 * server alone. After a while away its own is tried again. A report that a server may have stored
 * without saying so can go to another all the same: the database knows it by its key.
 */

/** Back to the server of one's own after so long elsewhere. */
const RETURN_MS = 60_000;

/** The servers in the order in which this machine tries them. */
export function serversFor(hostname: string, servers: readonly string[]): string[] {
  // FNV-1a, as 32 bits
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(hostname)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  const first = hash % servers.length;
  return [...servers.slice(first), ...servers.slice(0, first)];
}

export class ServerChoice {
  readonly #servers: readonly string[];
  #at = 0;
  /** Servers that have failed one after the other. */
  #failed = 0;
  #left_ms = -Infinity;

  /** The own one first. */
  constructor(servers: readonly string[]) {
    this.#servers = servers;
  }

  /** The one to send to. */
  at(now_ms: number): string {
    if (this.#at !== 0 && this.#failed === 0 && now_ms - this.#left_ms >= RETURN_MS) this.#at = 0;
    return this.#servers[this.#at] ?? "";
  }

  /** It took a report. */
  took(): void {
    this.#failed = 0;
  }

  /** It did not. False: none of them has; it is time to wait. */
  failed(now_ms: number): boolean {
    this.#failed += 1;
    this.#at = (this.#at + 1) % this.#servers.length;
    this.#left_ms = now_ms;
    if (this.#failed < this.#servers.length) return true;
    this.#failed = 0;
    return false;
  }
}
