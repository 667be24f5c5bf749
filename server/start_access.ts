/** Wires who is let in: tokens, the guard, and the log of what was changed. */
import type { Clock } from "../clock.ts";
import { deleteAuditBefore, insertAudit, selectAudit } from "../db/audit.ts";
import type { Database } from "../db/database.ts";
import { hasToken } from "../db/tokens.ts";
import type { Logger } from "../log.ts";
import type { Principal } from "./access/principal.ts";
import { TokenBook } from "./access/token_book.ts";
import { TokenDesk } from "./access/token_desk.ts";
import type { Config } from "./config.ts";
import type { AuditRoute } from "./http/audit.ts";
import { createGuard } from "./http/guard.ts";
import type { Guard } from "./http/routes.ts";
import type { TokensRoute } from "./http/tokens.ts";

/** What was changed is remembered for this long. */
const AUDIT_MS = 400 * 86_400_000;
const FORGET_EVERY_MS = 6 * 3_600_000;

export interface StartedAccess {
  guard: Guard | undefined;
  routes: AuditRoute & TokensRoute;
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
  const tokens = new TokenBook({ sql, clock, log });
  if (own_token !== undefined) tokens.addOwn(own_token.text, own_token.principal);
  const stop = new AbortController();
  const tasks = [forgetAudit(sql, { clock, log, signal: stop.signal })];
  if (access.mode === "required") {
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
  const onRevoked = (token_id: number) => tokens.forget(token_id);
  return {
    guard: access.mode === "required" ? createGuard({ tokens, clock }) : undefined,
    routes: {
      tokens: new TokenDesk({ sql, clock, onRevoked }),
      audit: {
        write: (entry) => insertAudit(sql, entry),
        list: (page) => selectAudit(sql, page),
      },
    },
  };
}

async function forgetAudit(
  sql: Database["sql"],
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(FORGET_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      await deleteAuditBefore(sql, clock.now() - AUDIT_MS);
    } catch (error) {
      log.warn("old entries of the audit log stay a little longer", { error });
    }
  }
}
