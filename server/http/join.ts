/**
 * `/api/v1/join`: an agent that has a join code gets a token of its own; `/api/v1/join-codes`: the
 * codes. The text of a code is in the answer that makes it, never again.
 */
import { z } from "zod";
import type { JoinCodeRow } from "../../db/join_codes.ts";
import { shown } from "../../report.ts";
import { nameOf } from "../../token.ts";
import { JOIN_MS_DEFAULT, JOIN_MS_MAX, JOIN_USES_MAX, type JoinDesk } from "../access/join_desk.ts";
import { duration } from "../alerts/duration.ts";
import { readParameters } from "./fetch.ts";
import {
  joinCodeSchema,
  joinCodesSchema,
  joinedSchema,
  newJoinCodeSchema,
} from "../wire/access.ts";
import type { Prover } from "./guard.ts";
import { readBody } from "./json_body.ts";
import { newestPage, newestParameters } from "./paging.ts";
import { principalOf } from "./principal.ts";
import type { Routes } from "./routes.ts";
import { nameText } from "./tokens.ts";

/** What these routes need. */
export interface JoinRoute {
  joining: JoinDesk;
  /** Looks at what was shown, slowing down who guesses. */
  prove: Prover;
}

const WRONG_CODE =
  "Cannot join with this code: it is unknown; make one: monitor token join-code, and copy all of it";

const joinSchema = z.strictObject({
  code: z.string("must be a text"),
  hostname: nameText(),
  token: z.string("must be a text").refine((text) => nameOf(text) !== undefined, {
    error: "must look like a token: mon_, 8 letters, _ and 43 characters of base64url",
  }).optional(),
});

const createSchema = z.strictObject({
  hostname: nameText().nullish(),
  uses: z.int({
    error: (issue) => `must be a whole number: current value is ${shown(issue.input)}`,
  })
    .min(1, "must be at least 1").max(JOIN_USES_MAX, `must be at most ${JOIN_USES_MAX}`).default(1),
  expires_in: duration({ min_ms: 1_000, max_ms: JOIN_MS_MAX }).default(JOIN_MS_DEFAULT),
});

function codeJson(code: JoinCodeRow) {
  return {
    name: code.name,
    hostname: code.hostname,
    uses: code.uses,
    uses_left: code.uses_left,
    created: code.created_ms / 1000,
    created_by: code.created_by,
    expires: code.expires_ms / 1000,
    revoked: code.revoked_ms === null ? null : code.revoked_ms / 1000,
  };
}

export function joinRoutes(routes: Routes, { joining, prove }: JoinRoute): void {
  routes.post(
    "/api/v1/join",
    {
      access: "public",
      summary: "Gives an agent a token, by a join code",
      is_change: true,
      body: joinSchema,
      answer: joinedSchema,
      statuses: [201],
      errors: [401, 403, 429],
      example: { body: { code: `join_4f2k9xqa_${"x".repeat(43)}`, hostname: "web-1" } },
    },
    async (c) => {
      const { code: shown_code, hostname, token: own } = await readBody(c, joinSchema);
      c.set("said", { hostname });
      const code = await prove(c, () => joining.find(shown_code), WRONG_CODE);
      const { token, text } = await joining.join(code, { hostname, token: own });
      // for the audit log, which must not have what was sent
      c.set("said", { hostname, token: token.name });
      c.set("principal", { label: code.name, role: "agent" });
      const made = text === undefined ? {} : { token: text };
      return c.json({ name: token.name, hostname, ...made }, 201, { "cache-control": "no-store" });
    },
  );

  routes.get("/api/v1/join-codes", {
    access: "admin",
    summary: "All join codes",
    query: newestParameters,
    answer: joinCodesSchema,
  }, async (c) => {
    const { limit, after } = readParameters(c, newestParameters);
    const found = await joining.list({ limit: limit + 1, before_id: after });
    const { page, next } = newestPage(found, limit);
    return c.json({ join_codes: page.map(codeJson), next });
  });

  routes.post(
    "/api/v1/join-codes",
    {
      access: "admin",
      summary: "Makes a code by which agents get tokens",
      body: createSchema,
      answer: newJoinCodeSchema,
      statuses: [201],
      example: { body: { hostname: "web-1", expires_in: "1h" } },
    },
    async (c) => {
      const { hostname, uses, expires_in } = await readBody(c, createSchema);
      const { code, text } = await joining.create({
        ...{ hostname: hostname ?? null, uses, expires_in_ms: expires_in },
        created_by: principalOf(c).label,
      });
      return c.json({ ...codeJson(code), code: text }, 201, { "cache-control": "no-store" });
    },
  );

  routes.delete(
    "/api/v1/join-codes/:name",
    { access: "admin", summary: "Takes a join code back", answer: joinCodeSchema },
    async (c) => c.json(codeJson(await joining.revoke(c.req.param("name")))),
  );
}
