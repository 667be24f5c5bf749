/** `/api/v1/hosts`: all hosts at a glance, and what people say about them. */
import { z } from "zod";
import { nameFault, shown, TAG_CHARS_MAX, TAGS_MAX } from "../../report.ts";
import { NotFoundError } from "../query/context.ts";
import type { HostGlance } from "../query/overview.ts";
import { faultsOf, ParameterError, parameterError, readParameters } from "./fetch.ts";
import { successSchema } from "../wire/contract.ts";
import { hostAgentSchema, hostsSchema } from "../wire/host.ts";
import { pageByName, pageOf } from "./paging.ts";
import type { Routes } from "./routes.ts";

/** What these routes need. */
export interface HostsRoute {
  glances(): Promise<HostGlance[]>;
  /** Writes what is said about a host; false when there is none of this name. */
  describeHost(hostname: string, about: HostEdit): Promise<boolean>;
  /** What its agent says about itself; null when it said nothing, undefined without such a host. */
  hostAgent(hostname: string): Promise<unknown>;
  now(): number;
}

const listParameters = z.object(pageByName);

function text(chars_max: number) {
  return z.string({ error: (issue) => `must be a text: current value is ${shown(issue.input)}` })
    .superRefine((value, context) => {
      const fault = nameFault(value, chars_max);
      if (fault !== undefined) context.addIssue(fault);
    });
}

const editSchema = z.strictObject({
  alias: text(255).nullable(),
  location: text(255).nullable(),
  tags: z.record(text(TAG_CHARS_MAX), z.string().max(TAG_CHARS_MAX))
    .refine((tags) => Object.keys(tags).length <= TAGS_MAX, `must be at most ${TAGS_MAX} tags`),
}, {
  error: (issue) =>
    issue.code === "unrecognized_keys"
      ? `can only be alias, location and tags: there is ${issue.keys.join(", ")}`
      : `must be an object with alias, location or tags`,
}).partial();

/** What a person can say about a host; what is left out stays. */
export type HostEdit = z.infer<typeof editSchema>;

export function hostsRoutes(routes: Routes, route: HostsRoute): void {
  routes.get(
    "/api/v1/hosts",
    {
      access: "viewer",
      summary: "All hosts at a glance",
      query: listParameters,
      answer: hostsSchema,
    },
    async (c) => {
      const asked = readParameters(c, listParameters);
      const { page, next } = pageOf(await route.glances(), asked, ({ hostname }) => hostname);
      return c.json({ at: route.now() / 1000, hosts: page, next });
    },
  );

  routes.get("/api/v1/hosts/:hostname/agent", {
    access: "viewer",
    summary: "The agent's version, its machine, its collectors and what they may do",
    answer: hostAgentSchema,
  }, async (c) => {
    const hostname = c.req.param("hostname");
    const agent = await route.hostAgent(hostname);
    if (agent === undefined) {
      throw new NotFoundError(`Cannot find host ${JSON.stringify(hostname)}`);
    }
    return c.json({ agent });
  });

  routes.patch("/api/v1/hosts/:hostname", {
    access: "operator",
    summary: "Sets what people say about a host",
    body: editSchema,
    answer: successSchema,
    example: { body: { location: "hall 2", tags: { env: "prod" } } },
  }, async (c) => {
    const hostname = c.req.param("hostname");
    let body: unknown;
    try {
      body = await c.req.json();
      c.set("said", body);
    } catch {
      throw new ParameterError("Cannot read the body: it must be JSON");
    }
    const parsed = editSchema.safeParse(body);
    if (!parsed.success) {
      throw parameterError("Cannot change the host", faultsOf(parsed.error));
    }
    if (!await route.describeHost(hostname, parsed.data)) {
      throw new NotFoundError(`Cannot find host ${JSON.stringify(hostname)}`);
    }
    return c.json({ status: "success" });
  });
}
