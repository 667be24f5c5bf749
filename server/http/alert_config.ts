/** `/alert_config`, `/alert_state` and `/fetch/recent_alerts`: alerts in the form of the original. */
import { z } from "zod";
import type { IncidentRow } from "../../db/incidents.ts";
import { HOSTNAME_CHARS_MAX, METRIC_NAME_CHARS_MAX, nameFault, shown } from "../../report.ts";
import { configOfRule, ruleOfConfig } from "../alerts/contract.ts";
import type { IncidentDesk } from "../alerts/incident_desk.ts";
import { type RuleBook, RuleConflictError } from "../alerts/rule_book.ts";
import type { Names } from "../query/catalog.ts";
import { NotFoundError } from "../query/context.ts";
import { readParameters } from "./fetch.ts";
import { readBody } from "./json_body.ts";
import { alertConfigsSchema, recentAlertsSchema, successIdSchema } from "../wire/contract.ts";
import type { Routes } from "./routes.ts";

/** What these routes need of alerts. */
export interface AlertsRoute {
  rules: RuleBook;
  incidents: IncidentDesk;
  missing(names: Names): Promise<{ kind: "host" | "metric"; name: string } | undefined>;
  now(): number;
}

const RECENT_DEFAULT = 10;
const RECENT_MAX = 1_000;

const name = (what: string, chars_max: number) =>
  z.string({ error: (issue) => `must be ${what}: current value is ${shown(issue.input)}` })
    .superRefine((text, context) => {
      const fault = nameFault(text, chars_max);
      if (fault !== undefined) context.addIssue(fault);
    });
/** The original's forms send numbers as texts. */
const number = (what: string) =>
  z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/).transform(Number)], {
    error: (issue) => `must be ${what}: current value is ${shown(issue.input)}`,
  });
const id = z.union([z.int(), z.string().regex(/^\d{1,9}$/).transform(Number)], {
  error: (issue) => `must be the id of an alert: current value is ${shown(issue.input)}`,
});

const configSchema = z.looseObject({
  hostname: name("a host's name", HOSTNAME_CHARS_MAX),
  metric_name: name("a metric's name", METRIC_NAME_CHARS_MAX),
  condition: z.enum(["above", "below"], {
    error: (issue) => `must be "above" or "below": current value is ${shown(issue.input)}`,
  }),
  threshold: number("a number"),
  duration: number("a number of seconds").refine(
    (seconds) => seconds >= 0 && seconds <= 31_622_400,
    "must be from 0 to 31622400 seconds",
  ).default(0),
});
const stateSchema = z.looseObject({
  id,
  enabled: z.boolean({
    error: (issue) => `must be true or false: current value is ${shown(issue.input)}`,
  }),
});
const recentParameters = z.object({
  hostname: z.string().optional(),
  limit: z.coerce.number({
    error: (issue) => `must be a whole number: current value is ${shown(issue.input)}`,
  }).int("must be a whole number").min(1, "must be at least 1")
    .max(RECENT_MAX, `must be at most ${RECENT_MAX}`).default(RECENT_DEFAULT),
});

export function alertConfigRoutes(routes: Routes, route: AlertsRoute): void {
  const { rules } = route;
  changeRoutes(routes, route);

  routes.get("/alert_config", {
    access: "viewer",
    summary: "Simple alerts, as the original has them",
    query: z.object({ hostname: z.string().optional() }),
    answer: alertConfigsSchema,
  }, async (c) => {
    const hostname = c.req.query("hostname") || undefined;
    const configs = (await rules.list()).flatMap((row) => configOfRule(row) ?? []);
    return c.json(configs.filter((one) => hostname === undefined || one.hostname === hostname));
  });

  routes.get("/fetch/recent_alerts", {
    access: "viewer",
    summary: "The newest incidents, as the original has them",
    query: recentParameters,
    answer: recentAlertsSchema,
    errors: [404],
  }, async (c) => {
    const { hostname, limit } = readParameters(c, recentParameters);
    const found = await route.incidents.list({ hostname, limit });
    if (found.length === 0 && hostname !== undefined) {
      const missing = await route.missing({ hosts: [hostname], metrics: [] });
      if (missing !== undefined) throw new NotFoundError(`Cannot find host ${shown(hostname)}`);
    }
    return c.json(found.map(recentOf));
  });
}

function changeRoutes(routes: Routes, { rules }: AlertsRoute): void {
  routes.post(
    "/alert_config",
    {
      access: "operator",
      summary: "Makes a simple alert",
      body: configSchema,
      answer: successIdSchema,
      errors: [409],
      example: {
        body: {
          hostname: "web-1",
          metric_name: "cpu_usage",
          condition: "above",
          threshold: 90,
          duration: 60,
        },
      },
    },
    async (c) => {
      const id = await idOfConfig(rules, await readBody(c, configSchema));
      return c.json({ status: "success", id });
    },
  );

  routes.delete(
    "/alert_config",
    {
      access: "operator",
      summary: "Removes a simple alert",
      query: z.object({ id: id.optional() }),
      body: z.looseObject({ id: id.optional() }),
      answer: successIdSchema,
      errors: [404],
    },
    async (c) => {
      const given = c.req.query("id");
      const wanted = given === undefined
        ? await readBody(c, z.looseObject({ id }))
        : readParameters(c, z.object({ id }));
      await rules.remove(wanted.id);
      return c.json({ status: "success", id: wanted.id });
    },
  );

  routes.post(
    "/alert_state",
    {
      access: "operator",
      summary: "Switches an alert on or off",
      body: stateSchema,
      answer: successIdSchema,
      errors: [404],
      example: { body: { id: 1, enabled: false } },
    },
    async (c) => {
      const wanted = await readBody(c, stateSchema);
      await rules.setEnabled(wanted.id, wanted.enabled);
      return c.json({ status: "success", id: wanted.id });
    },
  );
}

/** Makes the alert. The same one again is the same one, not a second that tells everything twice. */
async function idOfConfig(rules: RuleBook, config: z.infer<typeof configSchema>): Promise<number> {
  const rule = ruleOfConfig(config);
  const same = async () => (await rules.list()).find((row) => row.name === rule.name);
  try {
    return (await same() ?? await rules.create(rule, "contract")).id;
  } catch (error) {
    // somebody else has made it since it was looked for
    const row = error instanceof RuleConflictError ? await same() : undefined;
    if (row === undefined) throw error;
    return row.id;
  }
}

function recentOf(incident: IncidentRow) {
  const condition = z.object({ condition: z.string() }).safeParse(incident.rule);
  return {
    id: incident.id,
    hostname: incident.hostname,
    metric_name: incident.metric,
    timestamp: incident.opened_ms / 1000,
    value: incident.value,
    condition: condition.data?.condition ?? incident.story,
    threshold: incident.threshold,
    severity: incident.severity,
    summary: incident.summary,
    rule_id: incident.rule_id,
    resolved: incident.resolved_ms === null ? null : incident.resolved_ms / 1000,
  };
}
