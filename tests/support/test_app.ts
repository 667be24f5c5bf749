/** A whole server in this process, on a test's own database and a port of its own. */
import { type Clock, systemClock } from "../../clock.ts";
import type { AddressParts } from "../../db/address.ts";
import { createLogger, type Logger } from "../../log.ts";
import { loadConfig } from "../../server/config.ts";
import { channelsSchema, routesSchema } from "../../server/config/channels.ts";
import { type Server, startServer } from "../../server/serve.ts";
import { assertDescribed } from "./described.ts";
import { type TestDatabase, testDatabase } from "./test_database.ts";

export interface TestApp extends AsyncDisposable {
  server: Server;
  clock: Clock;
  database: TestDatabase;
  url: string;
  /** Lines of level warn and error, as JSON. */
  log_lines: string[];
  /** Sends a report, an array of them, or raw bytes; answers status and parsed JSON. */
  post(body: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
}

export interface Answer {
  status: number;
  headers: Headers;
  // deno-lint-ignore no-explicit-any -- tests look into whatever JSON came back
  body: any;
}

export interface TestAppOptions {
  clock?: Clock;
  /** Settings beside the defaults: `{ingest: {…}}`. */
  config?: Record<string, Record<string, unknown>>;
  database?: TestDatabase;
  /** Default: one that is free. */
  port?: number;
  /** Where questions about the past go. */
  replica?: { address: AddressParts; lag_s: number };
  /** Channels and routes, as the configuration has them. */
  channels?: Record<string, unknown>;
  routes?: unknown[];
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const { status, headers } = response;
  return {
    status,
    headers,
    body: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text,
  };
}

/** Starts the server; `await using` stops it and drops its database. */
export async function testApp(options: TestAppOptions = {}): Promise<TestApp> {
  const clock = options.clock ?? systemClock;
  const database = options.database ?? await testDatabase();
  const log_lines: string[] = [];
  const log: Logger = createLogger({
    level: "warn",
    format: "json",
    now: () => clock.now(),
    write: (line) => log_lines.push(line),
  });
  const config = loadConfig({
    env: {},
    working_dir: "/",
    overrides: { port: String(options.port ?? 0), databaseUrl: database.url },
  });
  Object.assign(config.ingest, options.config?.ingest);
  Object.assign(config.limits, options.config?.limits);
  Object.assign(config.access, options.config?.access);
  Object.assign(config.retention, options.config?.retention);
  Object.assign(config.webapp, options.config?.webapp);
  Object.assign(config.tls, options.config?.tls);
  // the server as one more host only when a test asks for it
  Object.assign(config.own_metrics, { every_s: 0 }, options.config?.own_metrics);
  if (config.database.kind === "external") config.database.replica = options.replica;
  config.channels = channelsSchema.parse(options.channels);
  config.routes = routesSchema.parse(options.routes);
  // only when a test asks for it
  Object.assign(config.aggregate, { schedule: "never" }, options.config?.aggregate);
  const server = await startServer({ config, log, clock, version: "0.0.0" });
  const url = server.url.replace("localhost", "127.0.0.1");
  const described = (method: string, path: string, answer: Answer) => {
    assertDescribed(server.routes, { method, path }, answer);
    return answer;
  };
  return {
    server,
    clock,
    database,
    url,
    log_lines,
    post: async (body, headers) => {
      const response = await fetch(`${url}/metrics`, {
        method: "POST",
        body: typeof body === "string" || body instanceof Uint8Array
          ? new Uint8Array(typeof body === "string" ? new TextEncoder().encode(body) : body)
          : JSON.stringify(body),
        headers,
      });
      return described("POST", "/metrics", await answerOf(response));
    },
    get: async (path) => described("GET", path, await answerOf(await fetch(`${url}${path}`))),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      if (options.database === undefined) await database[Symbol.asyncDispose]();
    },
  };
}
