/**
 * Join codes are made, listed and taken back here, and agents get their tokens by them.
 *
 * A code for a host by name lets in that host, and takes back what it has got by codes before: that is
 * how a machine that was set up anew comes back. A code for any host lets in only hosts that have no
 * token yet: whoever finds such a code cannot become a host that is there already.
 */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import {
  insertJoinCode,
  type JoinCodeRow,
  type JoinFacts,
  joinHost,
  revokeJoinCode,
  selectJoinCode,
  selectJoinCodes,
} from "../../db/join_codes.ts";
import type { TokenRow } from "../../db/tokens.ts";
import { hashOf, isHashOf, joinCodeNameOf, makeJoinCode, makeToken, nameOf } from "../../token.ts";

/** How long a code is good for when nobody says. */
export const JOIN_MS_DEFAULT = 3_600_000;
export const JOIN_MS_MAX = 366 * 86_400_000;
export const JOIN_USES_MAX = 100_000;

/** There is no such code. */
export class JoinCodeNotFoundError extends Error {
  override name = "NotFoundError";
}

/** The code is one, but this host does not get in by it. */
export class JoinRefusedError extends Error {
  override name = "ForbiddenError";
}

const ANOTHER = "make another one: monitor token join-code";

/** Why this host does not get in; undefined when it does. Pure. */
export function joinRefusal(
  { code, has_token }: Pick<JoinFacts, "code" | "has_token">,
  { hostname, now_ms }: { hostname: string; now_ms: number },
): string | undefined {
  if (code === undefined) return `it was forgotten; ${ANOTHER}`;
  if (code.revoked_ms !== null) return `it was taken back; ${ANOTHER}`;
  if (code.expires_ms <= now_ms) return `it has expired; ${ANOTHER}`;
  const own = `make one for it: monitor token join-code --hostname ${JSON.stringify(hostname)}`;
  if (code.hostname !== null && code.hostname !== hostname) {
    return `it is for host ${JSON.stringify(code.hostname)}, not ${
      JSON.stringify(hostname)
    }; ${own}`;
  }
  if (code.uses_left <= 0) {
    return `it was used ${
      code.uses === 1 ? "once" : `${code.uses} times`
    }, which is all; ${ANOTHER}`;
  }
  if (code.hostname === null && has_token) {
    return `host ${
      JSON.stringify(hostname)
    } has a token already, and this code is for new hosts; ${own}`;
  }
  return undefined;
}

export interface JoinDeskOptions {
  sql: Sql;
  clock: Clock;
  /** A token was taken back. */
  onRevoked?: (token_id: number) => void;
}

/** What became of a host that wanted to get in. */
export interface JoinResult {
  token: TokenRow;
  /** Its text, where it was made here. */
  text: string | undefined;
}

export class JoinDesk {
  readonly #options: JoinDeskOptions;

  constructor(options: JoinDeskOptions) {
    this.#options = options;
  }

  /** A new code; `text` is what its owner gets, and is nowhere else. */
  async create(wanted: {
    hostname: string | null;
    uses: number;
    expires_in_ms: number;
    created_by: string;
  }): Promise<{ code: JoinCodeRow; text: string }> {
    const { sql, clock } = this.#options;
    const { expires_in_ms, ...rest } = wanted;
    const now_ms = clock.now();
    const { name, text, hash } = makeJoinCode();
    const expires_ms = now_ms + expires_in_ms;
    const code = await insertJoinCode(sql, { ...rest, name, hash, expires_ms }, now_ms);
    return { code, text };
  }

  list(page: { limit: number; before_id?: number }): Promise<JoinCodeRow[]> {
    return selectJoinCodes(this.#options.sql, page);
  }

  /** @throws JoinCodeNotFoundError */
  async revoke(name: string): Promise<JoinCodeRow> {
    const { sql, clock } = this.#options;
    const code = await revokeJoinCode(sql, name, clock.now());
    if (code !== undefined) return code;
    throw new JoinCodeNotFoundError(`Cannot find join code ${JSON.stringify(name)}`);
  }

  /** Which code this is, be it of use or not; undefined when it is none. */
  async find(text: string): Promise<JoinCodeRow | undefined> {
    const name = joinCodeNameOf(text);
    const code = name === undefined ? undefined : await selectJoinCode(this.#options.sql, name);
    return code !== undefined && isHashOf(text, code.hash) ? code : undefined;
  }

  /**
   * A token for this host by this code. With the text of a token that the agent has made itself it may
   * ask again when it got no answer: no further use is taken, and the token is the same.
   *
   * @throws JoinRefusedError
   */
  async join(
    code: JoinCodeRow,
    { hostname, token: own }: { hostname: string; token?: string },
  ): Promise<JoinResult> {
    const { sql, clock, onRevoked } = this.#options;
    const now_ms = clock.now();
    const made = own === undefined
      ? makeToken()
      : { name: nameOf(own) ?? "", text: own, hash: hashOf(own) };
    const { name, hash } = made;
    const { token, replaced } = await joinHost(sql, {
      code: code.name,
      token: {
        ...{ name, hash, hostname, role: "agent", label: hostname, expires_ms: null },
        created_by: code.name,
      },
    }, {
      now_ms,
      decide: (facts) => {
        const { existing } = facts;
        if (existing !== undefined) {
          const is_own = isHashOf(made.text, existing.hash) && existing.revoked_ms === null &&
            existing.role === "agent" && existing.hostname === hostname;
          if (is_own) return "known";
          throw new JoinRefusedError("Cannot join with this token: make a new one");
        }
        const why = joinRefusal(facts, { hostname, now_ms });
        if (why === undefined) return "new";
        throw new JoinRefusedError(`Cannot join with this code: ${why}`);
      },
    });
    for (const token_id of replaced) onRevoked?.(token_id);
    return { token, text: own === undefined ? made.text : undefined };
  }
}
