/** `/api/v1/silences`: what somebody does not want to hear of. `/api/v1/parents`: what is behind what. */
import { z } from "zod";
import type { Silence } from "../../db/silences.ts";
import { shown } from "../../report.ts";
import type { HostParents } from "../alerts/parents.ts";
import type { Silences } from "../alerts/silences.ts";
import {
  parentsSchema as parentsAnswerSchema,
  type SilenceAnswer,
  silenceSchema as silenceAnswerSchema,
  silencesSchema,
} from "../wire/silence.ts";
import { readBody, readId } from "./json_body.ts";
import { successIdSchema } from "../wire/contract.ts";
import type { Routes } from "./routes.ts";

/** What these routes need of the alerts step. */
export interface SilencesRoute {
  silences: Silences;
  parents: HostParents;
  now(): number;
}

const MATCHERS_MAX = 50;
const PARENTS_MAX = 100;
const LASTING_S_MAX = 366 * 86_400;

const told = (what: string) => ({
  error: (issue: { input?: unknown }) =>
    issue.input === undefined
      ? `must be given: ${what}`
      : `must be ${what}: current value is ${shown(issue.input)}`,
});

const matcher = z.strictObject({
  label: z.string(told("the name of a label: host, metric, rule, tag.env")).min(1),
  op: z.enum(["=", "!=", "~", "!~"], told('one of "=", "!=", "~", "!~"')).default("="),
  value: z.string(told("a text")),
});

const silenceSchema = z.strictObject({
  matchers: z.array(matcher, told("a list […] of {label, op, value}"))
    .min(1, { error: "must have at least one: who wants to hear of nothing makes a downtime" })
    .max(MATCHERS_MAX),
  start: z.number(told("seconds since 1970")).min(0).optional(),
  end: z.number(told("seconds since 1970")).min(0).optional(),
  duration_s: z.number(told("a number of seconds")).min(1).max(LASTING_S_MAX).optional(),
  note: z.string(told("a text")).max(2_000).default(""),
  created_by: z.string(told("who asks for it")).max(255).optional(),
}).refine(({ end, duration_s }) => (end === undefined) !== (duration_s === undefined), {
  error: "must have either end or duration_s",
});

const parentsSchema = z.strictObject({
  parents: z.array(z.string().min(1), told("a list […] of hosts")).max(PARENTS_MAX),
}, told("an object {parents}"));

function answerOf({ start_ms, end_ms, ...silence }: Silence): SilenceAnswer {
  return { ...silence, start: start_ms / 1000, end: end_ms / 1000 };
}

export function silenceRoutes(routes: Routes, { silences, parents, now }: SilencesRoute): void {
  routes.get(
    "/api/v1/silences",
    { access: "viewer", summary: "Silences in force, or to come", answer: silencesSchema },
    async (c) => c.json({ silences: (await silences.list()).map(answerOf) }),
  );

  routes.post("/api/v1/silences", {
    access: "operator",
    summary: "Makes a silence",
    body: silenceSchema,
    answer: silenceAnswerSchema,
    statuses: [201],
    example: {
      body: { matchers: [{ label: "tag.env", op: "=", value: "test" }], duration_s: 3600 },
    },
  }, async (c) => {
    const given = await readBody(c, silenceSchema);
    const start_ms = given.start === undefined ? now() : given.start * 1000;
    const silence = await silences.add({
      matchers: given.matchers,
      start_ms,
      end_ms: given.end === undefined
        ? start_ms + (given.duration_s ?? 0) * 1000
        : given.end * 1000,
      note: given.note,
      created_by: given.created_by ?? null,
    });
    return c.json(answerOf(silence), 201);
  });

  routes.delete(
    "/api/v1/silences/:id",
    { access: "operator", summary: "Ends a silence", answer: successIdSchema },
    async (c) => {
      const id = readId(c);
      await silences.end(id);
      return c.json({ status: "success", id });
    },
  );

  routes.get(
    "/api/v1/parents",
    { access: "viewer", summary: "Which hosts are behind which", answer: parentsAnswerSchema },
    async (c) => c.json({ parents: await parents.list() }),
  );

  routes.put("/api/v1/parents/:hostname", {
    access: "operator",
    summary: "Sets what a host is behind",
    body: parentsSchema,
    answer: parentsAnswerSchema,
    example: { body: { parents: ["router-1"] } },
  }, async (c) => {
    const given = await readBody(c, parentsSchema);
    await parents.set(c.req.param("hostname"), given.parents);
    return c.json({ parents: await parents.list() });
  });
}
