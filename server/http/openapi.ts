/**
 * The description of the API as OpenAPI 3.1, made of the list of routes and of the schemas they read
 * with and answer by: what is not in the list is no route, so the two cannot differ. Pure.
 */
import { z } from "zod";
import { errorSchema, problemSchema } from "../wire/error.ts";
import { isProblemPath, PROBLEM_TYPE } from "./problem.ts";
import type { Access, RouteEntry } from "./routes.ts";

/** JSON Schema, 2020-12. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  default?: unknown;
  [keyword: string]: unknown;
}

export interface Parameter {
  name: string;
  in: "path" | "query";
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

interface Content {
  [media_type: string]: { schema?: JsonSchema; example?: unknown };
}

export interface Answer {
  description: string;
  content?: Content;
}

export interface Operation {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, Answer | { $ref: string }>;
  security: Record<string, string[]>[];
  "x-role": Access;
  /** A path that can be asked as it is. */
  "x-example": string;
}

export interface ApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, JsonSchema>;
    responses: Record<string, Answer>;
    securitySchemes: Record<string, Record<string, string>>;
  };
}

/** Errors by status, as every route has them where they apply. */
const ERRORS: Readonly<Record<number, string>> = {
  400: "Something in the request is wrong, and the request has to be changed",
  401: "It is not known who asks: a token is missing, wrong, or no longer valid",
  403: "Whoever asks may not",
  404: "There is nothing of this name or id",
  408: "The body came too slowly",
  409: "It contradicts what there is",
  413: "The body is too large",
  429: "Too many from there: come again after Retry-After seconds",
  503: "Not just now: come again after Retry-After seconds",
};

/** For parameters of paths. */
const EXAMPLES: Readonly<Record<string, string>> = { hostname: "web-1", metric: "cpu_usage" };

/** How a text of JSON Schema is made of a schema: of what may be given, not of what becomes of it. */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  // what zod makes is JSON Schema, which it types more loosely
  return made as JsonSchema;
}

/** `/api/v1/rules/:id` → `/api/v1/rules/{id}`. */
export function documentPath(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

/** Routes for programs, which are those that are described. */
export function describedRoutes(entries: readonly RouteEntry[]): RouteEntry[] {
  return entries.filter(({ is_page }) => !is_page);
}

export function openApiDocument(entries: readonly RouteEntry[], version: string): ApiDocument {
  const paths: ApiDocument["paths"] = {};
  for (const entry of describedRoutes(entries)) {
    const path = paths[documentPath(entry.path)] ??= {};
    path[entry.method.toLowerCase()] = operationOf(entry);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "monitor",
      version,
      description: "Times are seconds since 1970. Fields, parameters, paths and values of lists " +
        "may be added: read what you know, ignore the rest. docs/api.md has examples.",
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { Error: jsonSchema(errorSchema), Problem: jsonSchema(problemSchema) },
      responses: Object.fromEntries(
        Object.entries(ERRORS).flatMap(([status, description]) => {
          const problem = { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } };
          const error = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
          return [
            [`Problem${status}`, { description, content: problem }],
            [`Error${status}`, { description, content: { ...error, ...problem } }],
          ];
        }),
      ),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A token: monitor token create" },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "monitor_session",
          description: "A browser's; changes need the header X-Monitor-Page, too",
        },
      },
    },
  };
}

function operationOf(entry: RouteEntry): Operation {
  const { access, summary, body, example } = entry;
  const parameters = [...pathParameters(entry.path), ...queryParameters(entry.query)];
  const requestBody = body === undefined ? undefined : {
    // a missing body is {}
    required: !body.safeParse({}).success,
    content: { "application/json": { schema: jsonSchema(body), example: example?.body } },
  };
  return {
    operationId: operationId(entry),
    summary,
    description: access === "public" ? "For everybody." : `Needs the role ${access}.`,
    tags: [partsOf(entry.path)[0] ?? ""],
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody !== undefined && { requestBody }),
    responses: responsesOf(entry),
    security: access === "public" ? [] : [{ bearer: [] }, { session: [] }],
    "x-role": access,
    "x-example": example?.path ?? examplePath(entry.path),
  };
}

/** Without what all of them begin with. */
function partsOf(path: string): string[] {
  return path.replace(/^\/api\/v1\//, "/").split(/[/.]/).filter((part) => part !== "");
}

function operationId({ method, path }: RouteEntry): string {
  const parts = partsOf(path).map((part) => part.replace(":", "by_"));
  return [method.toLowerCase(), ...parts].join("_").replaceAll("-", "_");
}

/** `/api/v1/rules/1`. */
function examplePath(path: string): string {
  return path.replace(/:(\w+)/g, (_, name) => name === "id" ? "1" : EXAMPLES[name] ?? name);
}

function pathParameters(path: string): Parameter[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: name === "id" ? { type: "integer", minimum: 0 } : { type: "string" },
  }));
}

function queryParameters(query: z.ZodType | undefined): Parameter[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(query);
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    // lists are given by repeating the parameter: an empty one is none
    required: required.includes(name) &&
      (schema.type === "array" ? Number(schema.minItems ?? 0) > 0 : schema.type !== "object"),
    ...(description !== undefined && { description }),
    schema,
  }));
}

function responsesOf(entry: RouteEntry): Operation["responses"] {
  const { answer, type = "application/json", statuses = [200] } = entry;
  const content = { [type]: answer === undefined ? {} : { schema: jsonSchema(answer) } };
  const form = isProblemPath(entry.path) ? "Problem" : "Error";
  const responses: Operation["responses"] = {};
  for (const status of [...statuses, ...errorsOf(entry)]) {
    responses[status] ??= statuses.includes(status)
      ? { description: status < 300 ? entry.summary : ERRORS[status] ?? "", content }
      : { $ref: `#/components/responses/${form}${status}` };
  }
  return responses;
}

/** Statuses of errors that a route can have. */
function errorsOf({ access, path, query, body, errors = [], is_local }: RouteEntry): number[] {
  const isGuarded = access !== "public";
  return [
    ...(query !== undefined || body !== undefined || path.includes(":id") ? [400] : []),
    ...(isGuarded ? [401, 403, 429] : []),
    ...(path.includes(":") ? [404] : []),
    ...(is_local ? [] : [503]),
    ...errors,
  ];
}
