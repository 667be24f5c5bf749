/**
 * `/api/v1/session`: a browser shows a token once and gets a cookie, which scripts cannot read and which
 * no other site's page can make the browser send (SameSite=Strict). What a cookie's owner changes
 * has to carry a header besides, which only a page of this server can set: two walls against
 * requests that others put into a browser's mouth.
 */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import { EVERYBODY, type Principal } from "../access/principal.ts";
import type { SessionBook } from "../access/session_book.ts";
import { type CredentialReader, ForbiddenError, type Prover } from "./guard.ts";
import { readBody } from "./json_body.ts";
import { isAskedByHttps } from "./principal.ts";
import { sessionSchema } from "../wire/access.ts";
import { successSchema } from "../wire/contract.ts";
import type { Routes } from "./routes.ts";

const COOKIE = "monitor_session";
/** Any value: what matters is that a page of another site cannot set it. */
export const PAGE_HEADER = "x-monitor-page";

/** What these routes need; without sessions the server is open. */
export interface SessionRoute {
  sessions: SessionBook | undefined;
  /** Looks at what was shown, slowing down who guesses. */
  prove: Prover;
  /** Whose token or link this is; a link is used up by it. */
  ownerOf(shown: Shown): Promise<Principal | undefined>;
  /** Who asks, by whatever is shown; undefined for nobody. */
  identify(c: Context): Promise<Principal | undefined>;
}

const loginSchema = z.union([
  z.strictObject({ token: z.string("must be a text") }),
  z.strictObject({ link: z.string("must be a text") }),
], { error: "must be an object {token} or {link}" });

export type Shown = z.infer<typeof loginSchema>;

/** Was this sent by a page of another site? Browsers say so themselves. */
function isForeign(c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  return c.req.header(PAGE_HEADER) === undefined;
}

function requireOwnPage(c: Context): void {
  if (!isForeign(c)) return;
  throw new ForbiddenError(
    `Cannot do this for a browser's session without the header ${PAGE_HEADER}: it was not asked ` +
      "for by the page of this server; programs send a token instead",
  );
}

/** Reads the cookie. */
export function sessionReader(sessions: SessionBook): CredentialReader {
  return (c) => {
    const text = getCookie(c, COOKIE);
    if (text === undefined) return undefined;
    // asked by a link somewhere, /aggregate would do its work
    if (c.req.method !== "GET" || c.req.path === "/aggregate") requireOwnPage(c);
    return sessions.find(text);
  };
}

export function sessionRoutes(routes: Routes, route: SessionRoute): void {
  const { sessions, prove, identify, ownerOf } = route;
  const answerOf = (principal: Principal | undefined) => ({
    mode: sessions === undefined ? "open" : "required",
    who: principal?.label ?? null,
    role: principal?.role ?? null,
  });

  routes.get(
    "/api/v1/session",
    {
      access: "public",
      summary: "Who is asking, as far as the server can tell",
      answer: sessionSchema,
    },
    async (c) => {
      const principal = sessions === undefined ? EVERYBODY : await identify(c);
      return c.json(answerOf(principal), 200, { "cache-control": "no-store" });
    },
  );

  routes.post(
    "/api/v1/session",
    {
      access: "public",
      summary: "Logs a browser in, by a token or a link",
      body: loginSchema,
      answer: sessionSchema,
      errors: [401, 403, 429],
    },
    async (c) => {
      if (sessions === undefined) return c.json(answerOf(EVERYBODY));
      requireOwnPage(c);
      const shown = await readBody(c, loginSchema);
      const owner = requireOwner(await prove(c, () => ownerOf(shown)));
      if (owner.role === "agent") {
        throw new ForbiddenError(
          "Cannot log in with the token of an agent: it may send reports, and see nothing",
        );
      }
      setCookie(c, COOKIE, await sessions.open(owner.token_id), {
        httpOnly: true,
        sameSite: "Strict",
        path: "/",
        secure: isAskedByHttps(c),
        maxAge: Math.floor(sessions.session_ms / 1000),
      });
      return c.json(answerOf(owner), 200, { "cache-control": "no-store" });
    },
  );

  routes.delete(
    "/api/v1/session",
    { access: "public", summary: "Logs a browser out", answer: successSchema },
    async (c) => {
      const text = getCookie(c, COOKIE);
      if (text !== undefined && sessions !== undefined) {
        requireOwnPage(c);
        await sessions.close(text);
      }
      deleteCookie(c, COOKIE, { path: "/" });
      return c.json({ status: "success" });
    },
  );
}

/** Tokens of this process alone are in no database, and have no sessions. */
function requireOwner(principal: Principal): Principal & { token_id: number } {
  const { token_id } = principal;
  if (token_id !== undefined) return { ...principal, token_id };
  throw new ForbiddenError("Cannot log in with a token that is not one of a person");
}
