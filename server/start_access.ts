/** Wires who is let in: tokens, the guard, and the log of what was changed. */
import type { Clock } from "../clock.ts";
import { deleteAuditBefore, insertAudit, selectAudit } from "../db/audit.ts";
import type { Database } from "../db/database.ts";
import { deleteJoinCodesBefore } from "../db/join_codes.ts";
import { deleteEnded } from "../db/sessions.ts";
import { hasToken, selectTokenById } from "../db/tokens.ts";
import type { Logger } from "../log.ts";
import type { Principal } from "./access/principal.ts";
import { JoinDesk } from "./access/join_desk.ts";
import { SessionBook } from "./access/session_book.ts";
import { principalOf, TokenBook } from "./access/token_book.ts";
import { TokenDesk } from "./access/token_desk.ts";
import type { Config } from "./config.ts";
import type { AuditRoute } from "./http/audit.ts";
import { createDoor, type Prover } from "./http/guard.ts";
import type { JoinRoute } from "./http/join.ts";
import type { Guard } from "./http/routes.ts";
import { sessionReader, type SessionRoute } from "./http/session.ts";
import { signatureReader } from "./http/signature.ts";
import type { TokensRoute } from "./http/tokens.ts";

/** What was changed is remembered for this long. */
const DAY_MS = 86_400_000;
const AUDIT_MS = 400 * DAY_MS;
const FORGET_EVERY_MS = 6 * 3_600_000;

export interface StartedAccess {
  guard: Guard | undefined;
  routes: AuditRoute & JoinRoute & SessionRoute & TokensRoute;
}

/** A token of this process alone, and whose it is. */
export interface OwnToken {
  text: string;
  principal: Principal;
}

export async function startAccess(
  { sql }: Database,
  options: {
    config: Config;
    log: Logger;
    clock: Clock;
    started: AsyncDisposableStack;
    own_token?: OwnToken;
  },
): Promise<StartedAccess> {
  const { config: { access }, clock, started, own_token } = options;
  const log = options.log.with({ component: "access" });
  const is_open = access.mode === "open";
  const tokens = new TokenBook({ sql, clock, log });
  if (own_token !== undefined) tokens.addOwn(own_token.text, own_token.principal);
  const session_ms = access.session_days * DAY_MS;
  const sessions = is_open ? undefined : new SessionBook({ sql, clock, session_ms });
  const stop = new AbortController();
  const tasks = [forgetOld(sql, { clock, log, signal: stop.signal })];
  if (!is_open) {
    tasks.push(tokens.run(stop.signal));
    if (!await hasToken(sql, "admin", clock.now())) {
      log.warn("nobody can be let in: there is no token of an admin", {
        make_one: "monitor token create --role admin --label me",
      });
    }
  }
  started.defer(async () => {
    stop.abort();
    await Promise.all(tasks);
  });
  const readers = (prove: Prover) => [
    signatureReader({ tokens, clock, is_on: access.signatures, prove }),
    ...(sessions === undefined ? [] : [sessionReader(sessions)]),
  ];
  const { guard, prove, identify } = createDoor({ tokens, clock, readers });
  const onRevoked = (token_id: number) => tokens.forget(token_id);
  return {
    guard: is_open ? undefined : guard,
    routes: {
      ...{ sessions, prove, identify },
      ownerOf: (shown) => "token" in shown ? tokens.find(shown.token) : linked(shown.link),
      tokens: new TokenDesk({ sql, clock, onRevoked }),
      joining: new JoinDesk({ sql, clock, onRevoked }),
      audit: {
        write: (entry) => insertAudit(sql, entry),
        list: (page) => selectAudit(sql, page),
      },
    },
  };

  async function linked(link: string): Promise<Principal | undefined> {
    const token_id = await sessions?.useLink(link);
    const token = token_id === undefined ? undefined : await selectTokenById(sql, token_id);
    return token === undefined ? undefined : principalOf(token);
  }
}

/** Entries of the audit log, sessions, links and join codes that nobody needs any more. */
async function forgetOld(
  sql: Database["sql"],
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(FORGET_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      await deleteAuditBefore(sql, clock.now() - AUDIT_MS);
      await deleteEnded(sql, clock.now());
      await deleteJoinCodesBefore(sql, clock.now() - AUDIT_MS);
    } catch (error) {
      log.warn("old entries of the audit log and old sessions stay a little longer", { error });
    }
  }
}
