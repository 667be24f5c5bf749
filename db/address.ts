/**
 * Where a database is: the two forms in which people write it, read into one. Nothing here connects.
 *
 * The URL is libpq's: `postgres://user:password@host:port/database?sslmode=require`. A `host` that
 * begins with "/" (also as `?host=/run/postgresql`) is the directory of a unix socket.
 */

export const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-full"] as const;
export type SslMode = typeof SSL_MODES[number];

export interface AddressParts {
  /** Name, IP address, or directory of a unix socket (begins with "/"). Default: localhost. */
  host?: string;
  /** Default: 5432. */
  port?: number;
  /** Default: monitor. */
  username?: string;
  /** Default: what the environment variable PGPASSWORD says. */
  password?: string;
  /** Default: the same as `username`. */
  database?: string;
  /** Default: disable. */
  ssl?: SslMode;
  /** A pooler that gives a connection for one transaction, such as PgBouncer. Default: false. */
  pooled?: boolean;
  /** Past the pooler, for what needs a connection of its own. */
  direct?: AddressParts;
}

/** A `postgres://` URL or its parts. */
export type DatabaseAddress = string | AddressParts;

/** An address that cannot be understood. The message holds no password. */
export class AddressError extends Error {
  override readonly name = "AddressError";
}

const PORT_MAX = 65_535;

/** The URL of a message. One that is written wrong may have its password anywhere: then none of it. */
function shownUrl(url: string): string {
  const shown = redactUrl(url);
  return /:[^@\s]+@/.test(shown.replaceAll(/:\/\/|:\*\*\*@/g, "")) ? "the database URL" : shown;
}

/** What is no word may be a piece of the URL, password included. */
const wordOf = (text: string) => /^[\w.-]{1,20}$/.test(text) ? text : "no word";

function portOf(text: string, url: string): number | undefined {
  if (text === "") return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port <= PORT_MAX) return port;
  throw new AddressError(
    `Cannot parse ${shownUrl(url)}: port must be 1 to ${PORT_MAX}: current value is ${
      wordOf(text)
    }`,
  );
}

function sslModeOf(text: string | null, url: string): SslMode | undefined {
  if (text === null) return undefined;
  const mode = SSL_MODES.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw new AddressError(
    `Cannot parse ${shownUrl(url)}: sslmode must be one of ${SSL_MODES.join(", ")}: ` +
      `current value is ${wordOf(text)}`,
  );
}

/** A name with signs of a URL in it (`%2F`) would be read as something else when it is written again. */
function requireHost(host: string, url: string): void {
  const written = host.includes(":") ? `[${host}]` : host;
  const isName = !/[/?#@\\\s%[\]\p{Cc}]/u.test(host) && URL.canParse(`postgres://${written}/`);
  if (host.startsWith("/") || isName) return;
  throw new AddressError(
    `Cannot parse ${
      shownUrl(url)
    }: host must be a name, an address, or a socket's directory that ` +
      "begins with /",
  );
}

function partsOfUrl(text: string): AddressParts {
  // libpq allows `postgres://user@/name?host=…`, the URL standard wants a host after a user
  const standard = text.replace(/^(\w+:\/\/[^/?#]*@)(?=[/?#]|$)/, "$1localhost");
  // blanks and control characters are passed over by URL, and nobody means them
  // deno-lint-ignore no-control-regex -- control characters are exactly what is looked for
  const isOdd = /[\s\u0000-\u001f\u007f]/.test(text.trim());
  if (isOdd || !URL.canParse(standard) || !/^postgres(ql)?:\/\//.test(text)) {
    // the text is not shown: where a password stands in it is anybody's guess
    throw new AddressError(
      "Cannot parse the database URL: must be postgres://user:password@host:port/database",
    );
  }
  const url = new URL(standard);
  const query = url.searchParams;
  let decoded: string[];
  try {
    decoded = [url.hostname, url.username, url.password, url.pathname.slice(1)]
      .map(decodeURIComponent);
  } catch {
    throw new AddressError(`Cannot parse ${shownUrl(text)}: "%" must be written as "%25"`);
  }
  const [host, username, password, database] = decoded;
  // IPv6 addresses stand in brackets only in a URL
  const name = query.get("host") || (host?.replace(/^\[(.*)\]$/, "$1") ?? "");
  requireHost(name, text);
  return {
    host: name || undefined,
    port: portOf(query.get("port") || url.port, text),
    username: query.get("user") || username || undefined,
    password: query.get("password") || password || undefined,
    database: query.get("dbname") || database || undefined,
    ssl: sslModeOf(query.get("sslmode"), text),
  };
}

/** An address with every default filled in. Throws `AddressError`. */
export function resolveAddress(
  address: DatabaseAddress,
): AddressParts & Required<Omit<AddressParts, "password" | "pooled" | "direct">> {
  const parts = typeof address === "string" ? partsOfUrl(address) : address;
  const username = parts.username ?? "monitor";
  return {
    host: parts.host ?? "localhost",
    port: parts.port ?? 5432,
    username,
    password: parts.password,
    database: parts.database ?? username,
    ssl: parts.ssl ?? "disable",
    ...(parts.pooled ? { pooled: true, direct: parts.direct } : {}),
  };
}

/** The address as a URL, for other programs: WITH the password. For people use `displayAddress`. */
export function urlOf(address: DatabaseAddress): string {
  const { host, port, username, password, database, ssl } = resolveAddress(address);
  const socket = host.startsWith("/");
  const url = new URL(`postgres://localhost/${encodeURIComponent(database)}`);
  if (!socket) url.hostname = host.includes(":") ? `[${host}]` : host;
  url.port = String(port);
  url.username = encodeURIComponent(username);
  if (password !== undefined) url.password = encodeURIComponent(password);
  if (socket) url.searchParams.set("host", host);
  if (ssl !== "disable") url.searchParams.set("sslmode", ssl);
  return url.href;
}

/** The address as people may see it: logs, terminal, page. */
export function displayAddress(address: DatabaseAddress): string {
  try {
    return urlOf({ ...resolveAddress(address), password: undefined });
  } catch {
    return "an address that cannot be parsed";
  }
}

/** Any text with the passwords of the URLs in it replaced. Does not need them to be well-formed. */
export function redactUrl(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^:@/?#\s]*):[^\s]*@/gi, "$1:***@")
    .replace(/([?&]password=)[^&\s]*/gi, "$1***");
}
