/**
 * Which token is whose. What was looked up once is remembered, so that a report costs one look into a
 * map; the database is asked only about tokens that are not known. Every two seconds the book asks
 * which tokens were taken back, by whichever server: such a token is of no use three seconds later
 * at most. While the database is away, what is remembered goes on being right.
 */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import {
  selectRevoked,
  selectToken,
  type TokenRow,
  type TokenSecret,
  updateLastUsed,
} from "../../db/tokens.ts";
import type { Logger } from "../../log.ts";
import { isSignedBy, type SignedHeader } from "../../signature.ts";
import type { Principal } from "./principal.ts";
import { isHashOf, nameOf } from "../../token.ts";

/** Tokens remembered; each takes some 300 bytes. Beyond that the oldest is looked up again. */
const REMEMBERED_MAX = 50_000;
const LOOK_MS = 2_000;
/** Uses are written down this often. */
const USED_MS = 60_000;

interface Remembered {
  principal: Principal;
  token_id: number;
  expires_ms: number;
  /** When it was last used, or 0 when that is written down. */
  used_ms: number;
  /** SHA-256 of its text. */
  hash: Uint8Array;
}

export interface TokenBookOptions {
  sql: Sql;
  clock: Clock;
  log: Logger;
}

export class TokenBook {
  readonly #options: TokenBookOptions;
  /** By the token's text. */
  readonly #known = new Map<string, Remembered>();
  /** By the token's name: whose signatures were right. */
  readonly #signers = new Map<string, Remembered>();
  /** Tokens of this process alone, which are in no database. */
  readonly #own = new Map<string, Principal>();
  #written_ms: number;

  constructor(options: TokenBookOptions) {
    this.#options = options;
    this.#written_ms = options.clock.now();
  }

  /** Lets somebody in this process in, for as long as it runs. */
  addOwn(text: string, principal: Principal): void {
    this.#own.set(text, principal);
  }

  /** Whose token this is, as far as is remembered. */
  known(text: string): Principal | undefined {
    const one = this.#known.get(text);
    if (one === undefined) return this.#own.get(text);
    const now_ms = this.#options.clock.now();
    if (one.expires_ms <= now_ms) return undefined;
    one.used_ms = now_ms;
    return one.principal;
  }

  /** The same, asking the database. Undefined for a token that is unknown, expired or taken back. */
  async find(text: string): Promise<Principal | undefined> {
    const known = this.known(text);
    if (known !== undefined) return known;
    const name = nameOf(text);
    if (name === undefined) return undefined;
    const { sql, clock } = this.#options;
    const token = await selectToken(sql, name);
    if (token === undefined || !isHashOf(text, token.hash)) return undefined;
    return remember(this.#known, text, { token, now_ms: clock.now() });
  }

  /** Who has signed this, as far as is remembered. Only agents sign. */
  knownSigner(signed: SignedHeader): Principal | undefined {
    const one = this.#signers.get(signed.name);
    const now_ms = this.#options.clock.now();
    if (one === undefined || one.expires_ms <= now_ms) return undefined;
    if (!isSignedBy(signed, one.hash)) return undefined;
    one.used_ms = now_ms;
    return one.principal;
  }

  /** The same, asking the database. Undefined when the signature or the token is of no use. */
  async findSigner(signed: SignedHeader): Promise<Principal | undefined> {
    const { sql, clock } = this.#options;
    const token = await selectToken(sql, signed.name);
    if (token?.role !== "agent" || !isSignedBy(signed, token.hash)) return undefined;
    return remember(this.#signers, signed.name, { token, now_ms: clock.now() });
  }

  /** Forgets a token that was just taken back here. */
  forget(token_id: number): void {
    for (const map of [this.#known, this.#signers]) {
      for (const [key, one] of map) if (one.token_id === token_id) map.delete(key);
    }
  }

  /** Looks at what was taken back and writes down what was used, until the signal; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let told = false;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal);
      try {
        await this.look();
        if (clock.now() - this.#written_ms >= USED_MS || signal.aborted) await this.#writeUsed();
        told = false;
      } catch (error) {
        // the database is away, which others tell in detail
        if (!told) log.warn("tokens that were taken back are not known just now", { error });
        told = true;
      }
    }
  }

  /** Forgets what was taken back, and what is over. */
  async look(): Promise<void> {
    const { sql, clock } = this.#options;
    const now_ms = clock.now();
    const revoked = new Set(await selectRevoked(sql));
    for (const map of [this.#known, this.#signers]) {
      for (const [key, { token_id, expires_ms }] of map) {
        if (revoked.has(token_id) || expires_ms <= now_ms) map.delete(key);
      }
    }
  }

  async #writeUsed(): Promise<void> {
    const { sql, clock } = this.#options;
    this.#written_ms = clock.now();
    const used = [...this.#known.values(), ...this.#signers.values()]
      .filter(({ used_ms }) => used_ms > 0);
    if (used.length === 0) return;
    await updateLastUsed(sql, new Map(used.map(({ token_id, used_ms }) => [token_id, used_ms])));
    for (const one of used) one.used_ms = 0;
  }
}

/** Whose token this is, which is remembered; undefined when it cannot be used any more. */
function remember(
  map: Map<string, Remembered>,
  key: string,
  { token, now_ms }: { token: TokenSecret; now_ms: number },
): Principal | undefined {
  const expires_ms = token.expires_ms ?? Infinity;
  if (token.revoked_ms !== null || expires_ms <= now_ms) return undefined;
  const principal = principalOf(token);
  map.delete(key);
  map.set(key, { principal, token_id: token.id, expires_ms, used_ms: now_ms, hash: token.hash });
  if (map.size > REMEMBERED_MAX) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  return principal;
}

/** The owner of a token. */
export function principalOf(token: TokenRow): Principal {
  return {
    token_id: token.id,
    token_name: token.name,
    label: token.label,
    role: token.role,
    ...(token.hostname === null ? {} : { hostname: token.hostname }),
  };
}
