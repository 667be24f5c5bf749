/**
 * Which signatures were used: each is taken once. A signature is taken within five minutes of its time,
 * and its nonce is remembered as long as that. What is remembered has a bound for each token and one
 * for all; beyond it signatures are refused, since to forget one would let it be used again. Pure:
 * time is an argument.
 */

/** A signature's time may be so far from the server's. */
export const SIGNATURE_MS = 300_000;
/** Of one token; some 16 requests a second for ten minutes. */
const PER_TOKEN_MAX = 10_000;
/** Of all: 15,000 agents every ten seconds. Each takes some 80 bytes. */
const ALL_MAX = 500_000;
const MINUTE_MS = 60_000;

export type NonceVerdict = "fresh" | "used" | "token full" | "all full";

export class Nonces {
  /** By the minute of the signature's time, then by token. */
  readonly #minutes = new Map<number, Map<number, Set<string>>>();
  readonly #per_token = new Map<number, number>();
  readonly #limits: { per_token: number; all: number };
  #size = 0;

  constructor(limits = { per_token: PER_TOKEN_MAX, all: ALL_MAX }) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes a nonce of a right signature, whose time is within the bounds. */
  take(
    { token_id, nonce, time_ms }: { token_id: number; nonce: string; time_ms: number },
    now_ms: number,
  ): NonceVerdict {
    this.#forget(now_ms);
    const minute = Math.floor(time_ms / MINUTE_MS);
    const known = this.#minutes.get(minute)?.get(token_id);
    if (known?.has(nonce)) return "used";
    const of_token = this.#per_token.get(token_id) ?? 0;
    if (of_token >= this.#limits.per_token) return "token full";
    if (this.#size >= this.#limits.all) return "all full";
    this.#setOf(minute, token_id).add(nonce);
    this.#per_token.set(token_id, of_token + 1);
    this.#size++;
    return "fresh";
  }

  #setOf(minute: number, token_id: number): Set<string> {
    const tokens = this.#minutes.get(minute) ?? new Map<number, Set<string>>();
    this.#minutes.set(minute, tokens);
    const nonces = tokens.get(token_id) ?? new Set<string>();
    tokens.set(token_id, nonces);
    return nonces;
  }

  /** Minutes whose signatures are all too old to be taken. */
  #forget(now_ms: number): void {
    for (const [minute, tokens] of this.#minutes) {
      if ((minute + 1) * MINUTE_MS + SIGNATURE_MS > now_ms) continue;
      this.#minutes.delete(minute);
      for (const [token_id, { size }] of tokens) {
        this.#size -= size;
        const left = (this.#per_token.get(token_id) ?? 0) - size;
        if (left > 0) this.#per_token.set(token_id, left);
        else this.#per_token.delete(token_id);
      }
    }
  }
}
