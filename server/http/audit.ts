/** `/api/v1/audit`: what was changed by whom; and the writing of it, after each change. */
import type { Context } from "hono";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import type { AuditEntry, AuditRow } from "../../db/audit.ts";
import { readParameters } from "./fetch.ts";
import { newestPage, pageOfNewest } from "./paging.ts";
import { clientAddress, principalOf } from "./principal.ts";
import { auditSchema } from "../wire/access.ts";
import type { Audit, Routes } from "./routes.ts";

/** What these need. */
export interface AuditRoute {
  audit: {
    write(entry: AuditEntry): Promise<void>;
    list(page: { limit: number; before_id?: number; who?: string }): Promise<AuditRow[]>;
  };
}

/** Of what was sent. */
const DETAIL_CHARS_MAX = 2_000;

const listParameters = z.strictObject({
  who: z.string().optional(),
  ...pageOfNewest,
});

/** Writes down each change that a route has made. */
export function auditor({ audit }: AuditRoute, clock: Clock): Audit {
  return async (c, { method, path }, status) => {
    const { label, token_name } = principalOf(c);
    await audit.write({
      at_ms: clock.now(),
      who: label,
      token_name: token_name ?? null,
      address: clientAddress(c),
      action: `${method} ${path}`,
      target: c.req.path,
      status,
      detail: detailOf(c),
    });
  };
}

function detailOf(c: Context): string {
  const said: unknown = c.get("said");
  if (said === undefined) return "";
  const text = JSON.stringify(said);
  return text.length > DETAIL_CHARS_MAX ? `${text.slice(0, DETAIL_CHARS_MAX)} …` : text;
}

export function auditRoutes(routes: Routes, { audit }: AuditRoute): void {
  routes.get(
    "/api/v1/audit",
    {
      access: "admin",
      summary: "What was changed by whom, newest first",
      query: listParameters,
      answer: auditSchema,
    },
    async (c) => {
      const { who, limit, after } = readParameters(c, listParameters);
      const found = await audit.list({ limit: limit + 1, before_id: after, who });
      const { page, next } = newestPage(found, limit);
      const entries = page.map(({ at_ms, token_name: token, ...rest }) => ({
        at: at_ms / 1000,
        token,
        ...rest,
      }));
      return c.json({ entries, next });
    },
  );
}
