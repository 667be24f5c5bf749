/** `/api/v1/rules`: rules as they are written, applied as a file, tried on the past. */
import { z } from "zod";
import type { RuleRow } from "../../db/rules.ts";
import { shown } from "../../report.ts";
import type { BacktestQuery, BacktestResult } from "../alerts/backtest.ts";
import { requireRule, type RuleBook } from "../alerts/rule_book.ts";
import { ParameterError, readParameters } from "./fetch.ts";
import { INSTANT_FORMS, parseInstant } from "./instant.ts";
import { readBody, readId, readJson } from "./json_body.ts";
import { successSchema } from "../wire/contract.ts";
import {
  appliedSchema,
  backtestAnswerSchema,
  ruleAnswerSchema,
  rulesAnswerSchema,
} from "../wire/rule.ts";
import { ruleSchema } from "../alerts/rule_schema.ts";
import { pageById, pageOf } from "./paging.ts";
import type { Routes } from "./routes.ts";

/** What these routes need of alerts. */
export interface RulesRoute {
  rules: RuleBook;
  backtest(query: BacktestQuery): Promise<BacktestResult>;
  reach(): ReadonlyMap<number, number> | undefined;
  now(): number;
}

const RULES_MAX = 2_000;
/** Of a backtest, unless more is asked for. */
const BACKTEST_MS = 7 * 86_400_000;

const RULE_EXAMPLE = {
  name: "busy",
  metric: "cpu_usage",
  condition: "above",
  threshold: 90,
  for: "5m",
};

const listParameters = z.object(pageById);

const applySchema = z.strictObject({
  rules: z.array(z.unknown(), { error: "must be a list of rules" }).max(RULES_MAX),
  dry_run: z.boolean().default(false),
});

const backtestSchema = z.strictObject({
  rule: z.unknown().optional(),
  id: z.int("must be the id of a rule").optional(),
  from: z.union([z.number(), z.string()]).optional(),
  to: z.union([z.number(), z.string()]).optional(),
});

export function ruleRoutes(routes: Routes, route: RulesRoute): void {
  const { rules } = route;
  routes.get(
    "/api/v1/rules",
    { access: "viewer", summary: "All rules", query: listParameters, answer: rulesAnswerSchema },
    async (c) => {
      const reach = route.reach();
      const { page, next } = pageOf(
        await rules.list(),
        readParameters(c, listParameters),
        ({ id }) => id,
      );
      return c.json({
        rules: page.map((row) => ({ ...ruleJson(row), series: reach?.get(row.id) ?? null })),
        next,
      });
    },
  );

  routes.post("/api/v1/rules", {
    access: "operator",
    summary: "Makes a rule",
    body: ruleSchema,
    answer: ruleAnswerSchema,
    statuses: [201],
    errors: [409],
    example: { body: RULE_EXAMPLE },
  }, async (c) => {
    const row = await rules.create(await readJson(c));
    c.header("location", `/api/v1/rules/${row.id}`);
    return c.json(ruleJson(row), 201);
  });

  routes.get(
    "/api/v1/rules/:id",
    { access: "viewer", summary: "One rule", answer: ruleAnswerSchema },
    async (c) => c.json(ruleJson(await rules.get(readId(c)))),
  );

  routes.put(
    "/api/v1/rules/:id",
    {
      access: "operator",
      summary: "Replaces a rule",
      body: ruleSchema,
      answer: ruleAnswerSchema,
      errors: [409],
      example: { body: RULE_EXAMPLE },
    },
    async (c) => c.json(ruleJson(await rules.replace(readId(c), await readJson(c)))),
  );

  routes.delete(
    "/api/v1/rules/:id",
    { access: "operator", summary: "Removes a rule", answer: successSchema },
    async (c) => {
      await rules.remove(readId(c));
      return c.json({ status: "success" });
    },
  );

  bookRoutes(routes, route);
}

/** Many rules at once, and what they would have done. */
function bookRoutes(routes: Routes, route: RulesRoute): void {
  const { rules } = route;
  routes.post("/api/v1/rules/apply", {
    access: "operator",
    summary: "Makes the rules those of a file",
    body: applySchema,
    answer: appliedSchema,
    errors: [409],
    example: { body: { rules: [RULE_EXAMPLE], dry_run: true } },
  }, async (c) => {
    const { rules: given, dry_run } = await readBody(c, applySchema);
    return c.json({ dry_run, ...await rules.apply(given, { dry_run }) });
  });

  routes.post("/api/v1/rules/backtest", {
    access: "viewer",
    summary: "What a rule would have done in the past",
    body: backtestSchema,
    answer: backtestAnswerSchema,
    errors: [404],
    example: { body: { rule: RULE_EXAMPLE, from: "now-7d" } },
  }, async (c) => {
    const wanted = await readBody(c, backtestSchema);
    const query = await backtestQuery(wanted, route);
    const { fired, ...figures } = await route.backtest(query);
    return c.json({
      from: query.from_ms / 1000,
      to: query.to_ms / 1000,
      ...figures,
      incidents: fired.map(({ opened_ms, resolved_ms, metric, ...one }) => ({
        ...one,
        metric: metric === "" ? null : metric,
        opened: opened_ms / 1000,
        resolved: resolved_ms === null ? null : resolved_ms / 1000,
      })),
    });
  });
}

async function backtestQuery(
  wanted: z.infer<typeof backtestSchema>,
  { rules, now }: RulesRoute,
): Promise<BacktestQuery> {
  if ((wanted.id === undefined) === (wanted.rule === undefined)) {
    throw new ParameterError("Cannot read the body: it must have either rule or id");
  }
  const definition = wanted.id === undefined
    ? wanted.rule
    : (await rules.get(wanted.id)).definition;
  requireRule(definition);
  const now_ms = now();
  const from_ms = instant("from", wanted.from ?? (now_ms - BACKTEST_MS) / 1000, now_ms);
  const to_ms = Math.min(now_ms, instant("to", wanted.to ?? now_ms / 1000, now_ms));
  if (from_ms < to_ms) return { definition, from_ms, to_ms };
  throw new ParameterError("Cannot read the body: from must be before to, and in the past");
}

function instant(name: string, given: number | string, now_ms: number): number {
  const at_ms = parseInstant(String(given), now_ms);
  if (at_ms !== undefined) return Math.round(at_ms);
  throw new ParameterError(
    `Cannot read the body: ${name} must be ${INSTANT_FORMS}: current value is ${shown(given)}`,
  );
}

function ruleJson({ id, source, enabled, revision, created_ms, updated_ms, definition }: RuleRow) {
  return {
    id,
    source,
    enabled,
    revision,
    created: created_ms / 1000,
    updated: updated_ms / 1000,
    rule: definition,
  };
}
