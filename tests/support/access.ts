/** Asking a server as somebody. */
import type { Role } from "../../db/tokens.ts";
import { TokenDesk } from "../../server/access/token_desk.ts";
import type { Answer, TestApp } from "./test_app.ts";

/** Settings of a server that lets in only who shows a token. */
export const required = { config: { access: { mode: "required" } } };

/** A new token of this role. */
export async function tokenFor(
  app: TestApp,
  role: Role,
  rest: { hostname?: string; expires_in_ms?: number } = {},
): Promise<string> {
  const desk = new TokenDesk({ sql: app.database.sql, clock: app.clock });
  const { text } = await desk.create({
    role,
    label: `a ${role}`,
    hostname: rest.hostname ?? null,
    expires_in_ms: rest.expires_in_ms,
    created_by: "test",
  });
  return text;
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** Asks with this token, or with these headers. */
export async function ask(
  app: TestApp,
  path: string,
  { token, method = "GET", body, headers = {} }: {
    token?: string;
    method?: string;
    body?: unknown;
    headers?: Record<string, string>;
  } = {},
): Promise<Answer> {
  const response = await fetch(app.url + path, {
    method,
    headers: { ...headers, ...(token === undefined ? {} : bearer(token)) },
    redirect: "manual",
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text,
  };
}
