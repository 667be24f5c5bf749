/** Tokens are made, listed and taken back here, by the API and by the command line. */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import {
  insertToken,
  revokeToken,
  type Role,
  selectTokens,
  type TokenRow,
} from "../../db/tokens.ts";
import { makeToken } from "../../token.ts";

/** There is no such token. */
export class TokenNotFoundError extends Error {
  override name = "NotFoundError";
}

export interface TokenDeskOptions {
  sql: Sql;
  clock: Clock;
  /** A token was taken back. */
  onRevoked?: (token_id: number) => void;
}

export class TokenDesk {
  readonly #options: TokenDeskOptions;

  constructor(options: TokenDeskOptions) {
    this.#options = options;
  }

  /** A new token; `text` is what its owner gets, and is nowhere else. */
  async create(wanted: {
    role: Role;
    label: string;
    hostname: string | null;
    expires_in_ms?: number;
    created_by: string;
  }): Promise<{ token: TokenRow; text: string }> {
    const { sql, clock } = this.#options;
    const { expires_in_ms, ...rest } = wanted;
    const now_ms = clock.now();
    const { name, text, hash } = makeToken();
    const expires_ms = expires_in_ms === undefined ? null : now_ms + expires_in_ms;
    const token = await insertToken(sql, { ...rest, name, hash, expires_ms }, now_ms);
    return { token, text };
  }

  list(page: { limit: number; before_id?: number }): Promise<TokenRow[]> {
    return selectTokens(this.#options.sql, page);
  }

  /** @throws TokenNotFoundError */
  async revoke(name: string): Promise<TokenRow> {
    const { sql, clock, onRevoked } = this.#options;
    const token = await revokeToken(sql, name, clock.now());
    if (token === undefined) {
      throw new TokenNotFoundError(`Cannot find token ${JSON.stringify(name)}`);
    }
    onRevoked?.(token.id);
    return token;
  }
}
