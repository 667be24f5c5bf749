/**
 * The three ways to say which PostgreSQL (nothing, single fields, a URL) become one shape, so that
 * nobody behind the configuration looks at the input again.
 */
import { z } from "zod";
import { type AddressParts, resolveAddress, SSL_MODES } from "../../db/address.ts";
import { oneOf, secret, section, text, whole } from "./values.ts";

/** PostgreSQL allows 100 by default; the server itself is busy with far fewer. */
const CONNECTIONS_MAX_DEFAULT = 10;
/** A replica on a good network is behind by a fraction of a second. */
const REPLICA_LAG_S_DEFAULT = 30;

/** Without `host` and `url` the server runs a PostgreSQL of its own under `data_dir`. */
export const databaseSchema = section({
  host: text("a host name, an address or the directory of a unix socket").optional()
    .describe("Host name or address of PostgreSQL, or the directory of its unix socket"),
  port: whole({ min: 1, max: 65_535, what: "a port" }).optional()
    .describe("Port of PostgreSQL (5432)"),
  username: text("a user name").optional().describe("User of PostgreSQL (monitor)"),
  password: secret("a password").optional().describe("Password; better: password_file"),
  password_file: text("the name of a file").optional()
    .describe("File whose first line is the password"),
  database_name: text("the name of a database").optional()
    .describe("Name of the database (the same as the user)"),
  url: secret("postgres://user@host:port/database").optional()
    .describe("All of the above in one: postgres://user:password@host:port/database"),
  url_file: text("the name of a file").optional()
    .describe("File whose first line is the URL"),
  ssl: oneOf(SSL_MODES).optional()
    .describe("TLS to PostgreSQL (disable on this machine, else prefer)"),
  pooled: z.boolean("must be true or false").default(false)
    .describe("Whether that is a pooler by transaction, such as PgBouncer: docs/scale.md"),
  direct_url: secret("postgres://user@host:port/database").optional()
    .describe("PostgreSQL past the pooler, for several servers to hear each other"),
  replica_url: secret("postgres://user@host:port/database").optional()
    .describe("A replica of it, which answers questions about the past: docs/scale.md"),
  replica_url_file: text("the name of a file").optional()
    .describe("File whose first line is that URL"),
  replica_lag_s: whole({ min: 5, max: 3_600, what: "a number of seconds" })
    .default(REPLICA_LAG_S_DEFAULT)
    .describe("A replica that is further behind is not asked"),
  max_connections: whole({ min: 2, max: 1_000, what: "a number of connections" })
    .default(CONNECTIONS_MAX_DEFAULT)
    .describe("Connections kept to PostgreSQL, its own or yours"),
});

type DatabaseInput = z.infer<typeof databaseSchema>;

const LOCAL_HOSTS = ["localhost", "127.0.0.1", "::1"];

/** Fields which mean "a PostgreSQL of yours" when present. */
const SERVER_KEYS = ["port", "username", "password", "database_name", "ssl"] as const;

/** Nothing to encrypt on this machine; elsewhere what every PostgreSQL client does by default. */
function sslDefault(host: string): AddressParts["ssl"] {
  return host.startsWith("/") || LOCAL_HOSTS.includes(host) ? "disable" : "prefer";
}

/** What is missing, contradicts something else, or cannot be read: where, and what would be right. */
function contradiction(
  input: DatabaseInput,
): { key: keyof DatabaseInput; message: string } | undefined {
  const { url, host } = input;
  if (input.replica_url !== undefined && url === undefined && host === undefined) {
    return {
      key: "replica_url",
      message:
        "is for a PostgreSQL of yours: database.url, or database.host, must be given with it",
    };
  }
  if (input.direct_url !== undefined && !input.pooled) {
    return { key: "direct_url", message: "is for a pooler: database.pooled must be true with it" };
  }
  if (url !== undefined) {
    const twice = (["host", "port", "username", "database_name"] as const)
      .find((key) => input[key] !== undefined);
    return twice === undefined ? undefined : {
      key: twice,
      message: "must not be given together with database.url, which holds it already",
    };
  }
  const lonely = SERVER_KEYS.find((key) => input[key] !== undefined);
  return host !== undefined || lonely === undefined ? undefined : {
    key: "host",
    message: `must name the machine of your PostgreSQL when database.${lonely} is given ` +
      "(without `database` the server brings its own): current value is missing",
  };
}

/** A password or TLS mode inside the URL wins over one beside it. Throws `AddressError`. */
function addressOfUrl(url: string, input: DatabaseInput): AddressParts {
  const parts = resolveAddress(url);
  const ssl = /[?&]sslmode=/.test(url) ? parts.ssl : input.ssl ?? sslDefault(parts.host);
  return { ...parts, password: parts.password ?? input.password, ssl };
}

/** Another place of it; undefined when that is not said, or cannot be read. */
function otherPlace(
  key: "direct_url" | "replica_url",
  input: DatabaseInput,
  context: z.RefinementCtx,
): AddressParts | undefined {
  const url = input[key];
  if (url === undefined) return undefined;
  try {
    return addressOfUrl(url, input);
  } catch {
    context.addIssue({
      code: "custom",
      path: ["database", key],
      message: "must be postgres://user:password@host:port/database (the value is not shown)",
    });
    return undefined;
  }
}

/**
 * `kind: "embedded"` runs the server's own PostgreSQL, `kind: "external"` has the address of another
 * one. Faults never show the URL: it may hold a password.
 */
export function normaliseDatabase(input: DatabaseInput, context: z.RefinementCtx) {
  const { max_connections, url, host } = input;
  const embedded = { kind: "embedded" as const, max_connections };
  const external = (address: AddressParts) => {
    const { pooled, replica_lag_s: lag_s } = input;
    const place = otherPlace("replica_url", input, context);
    const replica: AddressParts | undefined = place && { ...place, pooled };
    return {
      kind: "external" as const,
      address: pooled
        ? { ...address, pooled, direct: otherPlace("direct_url", input, context) }
        : address,
      ...replica && { replica: { address: replica, lag_s } },
      max_connections,
    };
  };
  const fault = contradiction(input);
  if (fault !== undefined) {
    context.addIssue({ code: "custom", path: ["database", fault.key], message: fault.message });
    return embedded;
  }
  if (url !== undefined) {
    try {
      return external(addressOfUrl(url, input));
    } catch (error) {
      // AddressError, whose message has no password but the host: say only what would be right
      const mode = error instanceof Error && error.message.includes("sslmode");
      const message = mode
        ? `sslmode must be one of ${SSL_MODES.join(", ")}`
        : "must be postgres://user:password@host:port/database (the value is not shown)";
      context.addIssue({ code: "custom", path: ["database", "url"], message });
      return embedded;
    }
  }
  if (host === undefined) return embedded;
  const { port, username, password, database_name: database, ssl = sslDefault(host) } = input;
  return external(resolveAddress({ host, port, username, password, database, ssl }));
}
