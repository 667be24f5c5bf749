/**
 * The three ways to say which PostgreSQL (nothing, single fields, a URL) become one shape, so that
 * nobody behind the configuration looks at the input again.
 */
import type { z } from "zod";
import { oneOf, secret, section, text, whole } from "./values.ts";

/** PostgreSQL allows 100 by default; the server itself is busy with far fewer. */
const CONNECTIONS_MAX_DEFAULT = 10;

/** Without `host` and `url` the server runs a PostgreSQL of its own under `data_dir`. */
export const databaseSchema = section({
  host: text("a host name, an address or the directory of a unix socket").optional()
    .describe("Host name or address of PostgreSQL, or the directory of its unix socket"),
  port: whole({ min: 1, max: 65_535, what: "a port" }).optional()
    .describe("Port of PostgreSQL (5432)"),
  username: text("a user name").optional().describe("User of PostgreSQL (postgres)"),
  password: secret("a password").optional().describe("Password; better: password_file"),
  password_file: text("the name of a file").optional()
    .describe("File whose first line is the password"),
  database_name: text("the name of a database").optional()
    .describe("Name of the database (monitor)"),
  url: secret("postgres://user@host:port/database").optional()
    .describe("All of the above in one: postgres://user:password@host:port/database"),
  url_file: text("the name of a file").optional()
    .describe("File whose first line is the URL"),
  ssl: oneOf(["disable", "prefer", "require", "verify-full"]).optional()
    .describe("TLS to PostgreSQL (disable on this machine, else prefer)"),
  max_connections: whole({ min: 2, max: 1_000, what: "a number of connections" })
    .default(CONNECTIONS_MAX_DEFAULT)
    .describe("Connections kept to PostgreSQL, its own or yours"),
});

type DatabaseInput = z.infer<typeof databaseSchema>;

/** `disable` never uses TLS, `prefer` where offered, `require` always, `verify-full` checks the name. */
type Ssl = NonNullable<DatabaseInput["ssl"]>;

const LOCAL_HOSTS = ["localhost", "127.0.0.1", "::1", "[::1]"];

/** Fields which mean "a PostgreSQL of yours" when present. */
const SERVER_KEYS = ["port", "username", "password", "database_name", "ssl"] as const;

/** Nothing to encrypt on this machine; elsewhere what every PostgreSQL client does by default. */
function sslDefault(host: string): Ssl {
  return host.startsWith("/") || LOCAL_HOSTS.includes(host) ? "disable" : "prefer";
}

interface Parts {
  host: string;
  port?: number;
  username?: string;
  password?: string;
  database_name?: string;
  ssl?: string | null;
}

/** Throws TypeError when the text is no URL or its escapes are broken. */
function partsOfUrl(text: string): Parts {
  // libpq's `postgres://user@/name?host=…` names no host before the path; the URL standard wants one
  const url = new URL(text.replace(/^(\w+:\/\/[^/?#]*@)(?=[/?#]|$)/, "$1localhost"));
  if (!["postgres:", "postgresql:"].includes(url.protocol)) throw new TypeError("wrong scheme");
  const given = (value: string | null) => value ? decodeURIComponent(value) : undefined;
  return {
    // `?host=/var/run/postgresql` is how libpq names a unix socket in a URL
    host: given(url.searchParams.get("host")) ?? given(url.hostname) ?? "localhost",
    port: url.port === "" ? undefined : Number(url.port),
    username: given(url.username),
    password: given(url.password),
    database_name: given(url.pathname.slice(1)),
    ssl: url.searchParams.get("sslmode"),
  };
}

function connection(parts: Parts, input: DatabaseInput) {
  const ssl = input.ssl ?? (isSsl(parts.ssl) ? parts.ssl : sslDefault(parts.host));
  return {
    kind: "external" as const,
    host: parts.host,
    port: parts.port ?? 5432,
    username: parts.username ?? "postgres",
    password: input.password ?? parts.password,
    database_name: parts.database_name ?? "monitor",
    ssl,
    max_connections: input.max_connections,
  };
}

function isSsl(value: unknown): value is Ssl {
  return value === "disable" || value === "prefer" || value === "require" ||
    value === "verify-full";
}

/**
 * `kind: "embedded"` runs the server's own PostgreSQL, `kind: "external"` names another one. `host`
 * is a directory when it begins with `/`. Faults never show the URL: it may hold a password.
 */
export function normaliseDatabase(input: DatabaseInput, context: z.RefinementCtx) {
  const { max_connections, url, host } = input;
  const fault = (key: keyof DatabaseInput, message: string) => {
    context.addIssue({ code: "custom", path: ["database", key], message });
    return { kind: "embedded" as const, max_connections };
  };
  if (url !== undefined) {
    const twice = host !== undefined
      ? "host"
      : SERVER_KEYS.find((key) => input[key] !== undefined && key !== "password" && key !== "ssl");
    if (twice !== undefined) {
      return fault(twice, "must not be given together with database.url, which holds it already");
    }
    let parts: Parts;
    try {
      parts = partsOfUrl(url);
    } catch {
      return fault(
        "url",
        "must be postgres://user:password@host:port/database (the value is not shown)",
      );
    }
    if (parts.ssl !== null && !isSsl(parts.ssl)) {
      return fault("url", 'sslmode must be "disable", "prefer", "require" or "verify-full"');
    }
    return connection(parts, input);
  }
  if (host !== undefined) return connection({ ...input, host }, input);
  const lonely = SERVER_KEYS.find((key) => input[key] !== undefined);
  if (lonely !== undefined) {
    return fault(
      "host",
      `must name the machine of your PostgreSQL when database.${lonely} is given ` +
        "(without `database` the server brings its own): current value is missing",
    );
  }
  return { kind: "embedded" as const, max_connections };
}
