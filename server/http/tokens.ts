/** `/api/v1/tokens`: who may ask for what. The text of a token is in the answer that makes it, never again. */
import { z } from "zod";
import { ROLES, type TokenRow } from "../../db/tokens.ts";
import { nameFault, shown } from "../../report.ts";
import type { TokenDesk } from "../access/token_desk.ts";
import { duration } from "../alerts/duration.ts";
import { readParameters } from "./fetch.ts";
import { readBody } from "./json_body.ts";
import { newestPage, newestParameters } from "./paging.ts";
import { principalOf } from "./principal.ts";
import { newTokenSchema, tokenSchema, tokensSchema } from "../wire/access.ts";
import type { Routes } from "./routes.ts";

/** What these routes need. */
export interface TokensRoute {
  tokens: TokenDesk;
}

const NAME_CHARS_MAX = 255;
/** Ten years: what is for longer has no end. */
const EXPIRES_MS_MAX = 3_653 * 86_400_000;

/** A label, or the name of a host. */
export function nameText() {
  return z.string({ error: (issue) => `must be a text: current value is ${shown(issue.input)}` })
    .superRefine((value, context) => {
      const fault = nameFault(value, NAME_CHARS_MAX);
      if (fault !== undefined) context.addIssue(fault);
    });
}

const createSchema = z.strictObject({
  role: z.enum(ROLES, {
    error: (issue) => `must be one of ${ROLES.join(", ")}: current value is ${shown(issue.input)}`,
  }),
  label: nameText(),
  hostname: nameText().nullish(),
  expires_in: duration({ min_ms: 1_000, max_ms: EXPIRES_MS_MAX }).optional(),
}).refine(({ role, hostname }) => role === "agent" || (hostname ?? null) === null, {
  path: ["hostname"],
  error: "can only be given with role agent",
});

export function tokenJson(token: TokenRow) {
  const seconds = (ms: number | null) => ms === null ? null : ms / 1000;
  return {
    name: token.name,
    role: token.role,
    hostname: token.hostname,
    label: token.label,
    created: token.created_ms / 1000,
    created_by: token.created_by,
    expires: seconds(token.expires_ms),
    last_used: seconds(token.last_used_ms),
    revoked: seconds(token.revoked_ms),
  };
}

export function tokenRoutes(routes: Routes, { tokens }: TokensRoute): void {
  routes.get("/api/v1/tokens", {
    access: "admin",
    summary: "All tokens",
    query: newestParameters,
    answer: tokensSchema,
  }, async (c) => {
    const { limit, after } = readParameters(c, newestParameters);
    const found = await tokens.list({ limit: limit + 1, before_id: after });
    const { page, next } = newestPage(found, limit);
    return c.json({ tokens: page.map(tokenJson), next });
  });

  routes.post("/api/v1/tokens", {
    access: "admin",
    summary: "Makes a token",
    body: createSchema,
    answer: newTokenSchema,
    statuses: [201],
    example: { body: { role: "viewer", label: "wall" } },
  }, async (c) => {
    const { role, label, hostname, expires_in } = await readBody(c, createSchema);
    const { token, text } = await tokens.create({
      role,
      label,
      hostname: hostname ?? null,
      expires_in_ms: expires_in,
      created_by: principalOf(c).label,
    });
    return c.json({ ...tokenJson(token), token: text }, 201, { "cache-control": "no-store" });
  });

  routes.delete(
    "/api/v1/tokens/:name",
    { access: "admin", summary: "Takes a token back", answer: tokenSchema },
    async (c) => c.json(tokenJson(await tokens.revoke(c.req.param("name")))),
  );
}
