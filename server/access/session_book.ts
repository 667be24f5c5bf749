/**
 * Sessions: who a browser is, once it has shown a token or has come by a link. What the browser keeps
 * is random and worth nothing elsewhere; the server keeps its hash. A session lasts as long as the
 * setting says and its token can be used. What was looked up is believed for two seconds: a page
 * asks many things at once.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import {
  deleteSession,
  insertLink,
  insertSession,
  selectSession,
  useLink,
} from "../../db/sessions.ts";
import type { Principal } from "./principal.ts";
import { hashOf } from "../../token.ts";

const SECRET_BYTES = 32;
const BELIEVED_MS = 2_000;
/** Browsers at once; beyond that all are looked up again. */
const BELIEVED_MAX = 5_000;
const LINK_MS = 10 * 60_000;
const LINK_FORM = /^link_[\w-]{43}$/;
const SESSION_FORM = /^[\w-]{43}$/;

export interface SessionBookOptions {
  sql: Sql;
  clock: Clock;
  session_ms: number;
}

export class SessionBook {
  readonly #options: SessionBookOptions;
  readonly #believed = new Map<string, { principal: Principal; until_ms: number }>();

  constructor(options: SessionBookOptions) {
    this.#options = options;
  }

  /** How long a session lasts, in milliseconds. */
  get session_ms(): number {
    return this.#options.session_ms;
  }

  /** A new session of a token's owner: what the browser keeps. */
  async open(token_id: number): Promise<string> {
    const { sql, clock, session_ms } = this.#options;
    const text = randomBytes(SECRET_BYTES).toString("base64url");
    const now_ms = clock.now();
    const times = { now_ms, expires_ms: now_ms + session_ms };
    await insertSession(sql, { hash: hashOf(text), token_id }, times);
    return text;
  }

  /** Whose session this is; undefined when it is none, or has ended. */
  async find(text: string): Promise<Principal | undefined> {
    if (!SESSION_FORM.test(text)) return undefined;
    const { sql, clock } = this.#options;
    const now_ms = clock.now();
    const known = this.#believed.get(text);
    // how long somebody is believed is no matter of what time it is
    if (known !== undefined && known.until_ms > clock.monotonic()) return known.principal;
    this.#believed.delete(text);
    const owner = await selectSession(sql, hashOf(text), now_ms);
    if (owner === undefined) return undefined;
    const { hostname, ...rest } = owner;
    const principal = { ...rest, ...(hostname === null ? {} : { hostname }) };
    if (this.#believed.size >= BELIEVED_MAX) this.#believed.clear();
    this.#believed.set(text, { principal, until_ms: clock.monotonic() + BELIEVED_MS });
    return principal;
  }

  /** Ends a session. */
  async close(text: string): Promise<void> {
    this.#believed.delete(text);
    await deleteSession(this.#options.sql, hashOf(text));
  }

  /** The token of a link, which is used up by this; undefined when it is of no use. */
  async useLink(text: string): Promise<number | undefined> {
    const { sql, clock } = this.#options;
    return LINK_FORM.test(text) ? await useLink(sql, hashOf(text), clock.now()) : undefined;
  }
}

/** The secret of a link that logs in the owner of a token once, within ten minutes. */
export async function makeLink(
  { sql, clock }: { sql: Sql; clock: Clock },
  token_id: number,
): Promise<string> {
  const text = `link_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  const now_ms = clock.now();
  const times = { now_ms, expires_ms: now_ms + LINK_MS };
  await insertLink(sql, { hash: hashOf(text), token_id }, times);
  return text;
}
