/**
 * Connections to PostgreSQL: postgres.js with the settings this program relies on.
 *
 * - Over TCP the socket has TCP_NODELAY. Without it the end of a COPY waits 40 ms for an acknowledgment
 *   which the other side delays (Nagle's algorithm against delayed ACK). The driver has no setting
 *   for it, but takes a function that makes the socket.
 * - `int8` becomes a number, not a text: counts and ids here are far below 2^53. A value beyond that
 *   throws instead of being rounded.
 * - Times cross the border as milliseconds with casts that can be seen:
 *   `to_timestamp(${at_ms}::float8 / 1000)` in, `(extract(epoch from at) * 1000)::int8` out. Both are
 *   exact to the microsecond. A `timestamptz` without the cast arrives as a `Date`.
 * - The session's time zone is UTC whatever the server's is.
 */
import { connect as connectSocket, Socket } from "node:net";
import postgres from "postgres";
import type { Logger } from "../log.ts";
import { type DatabaseAddress, displayAddress, resolveAddress, type SslMode } from "./address.ts";

export type Sql = postgres.Sql;
/** What `sql.begin()` gives. */
export type TransactionSql = postgres.TransactionSql;
/** For functions that do not care whether they run in a transaction. */
export type AnySql = postgres.ISql;

/** PostgreSQL allows 100 in all, of which other servers, tools and backups want some. */
export const CONNECTIONS_MAX_DEFAULT = 10;
/** An idle connection costs the server some 5 MB. */
const IDLE_SECONDS_MAX = 300;
const CONNECT_SECONDS_MAX = 10;
/**
 * Deno 2.7.11 (executables) does not go on reading from a socket that was paused: a COPY of more than
 * its buffers hung for ever. There nothing is paused, and a COPY is held in memory as far as its
 * reader is behind. tests/db/copy_out_test.ts shows it.
 */
const GOES_ON_AFTER_PAUSE = !/^2\.[0-8]\./.test(Deno.version.deno);
/** The driver writes so much at once; less it gathers for a turn. See `robust`. */
const DRIVER_BUFFER_BYTES = 1_024;

export interface ConnectOptions {
  /** Size of the pool. Default: CONNECTIONS_MAX_DEFAULT. */
  connections_max?: number;
  /** Shown in `pg_stat_activity`. Default: monitor. */
  application_name?: string;
  /**
   * Longest time of one statement, in milliseconds. Default: the server's, usually unlimited; behind a
   * pooler that is it always.
   */
  statement_ms_max?: number;
  /**
   * A transaction that says nothing for so many milliseconds is ended by the server: its client may be
   * gone without a word, and others wait for what it holds. Default: never.
   */
  silent_transaction_ms_max?: number;
  /**
   * Statements are planned once for all parameters. For short statements on tables of many
   * partitions: planning for each question anew takes longer than answering it (1.1 ms instead of
   * 0.4). Default: PostgreSQL decides.
   */
  plan_once?: boolean;
  /**
   * Tables are read from their beginning, also while somebody else is reading them: rows that were
   * written in the order of time come in it. Default: the server decides, which joins such readings.
   */
  in_order?: boolean;
  /** Receives the server's notices at level debug. Default: they are dropped. */
  log?: Logger;
}

/** Parses an `int8`. Throws RangeError where a number cannot hold it. */
export function parseInt8(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`Cannot read int8 as a number: it must be within 2^53: value is ${text}`);
}

/**
 * A socket with TCP_NODELAY, still connecting: the driver sends into it at once and hears of a failure
 * through its events. A function that waited for the connection and then threw would lose the driver
 * one place of its pool each time.
 */
export function tcpSocket(host: string, port: number): Socket {
  const socket = connectSocket({ host, port });
  socket.setNoDelay(true);
  // the driver reads both for TLS (server name) and for its messages
  return robust(Object.assign(socket, { host, port }));
}

/**
 * The unix socket of this path, connected. Here waiting takes no time; and Deno 2.7.11, told to read
 * from one that is still connecting, ends the process with a TypeError when the connection is refused.
 * A failure is not thrown (see above): the driver gets a socket that fails as soon as it listens.
 */
export async function unixSocket(path: string): Promise<Socket> {
  const socket = connectSocket({ path });
  const failure = await new Promise<Error | undefined>((resolve) => {
    socket.once("connect", () => resolve(undefined));
    socket.once("error", resolve);
  });
  return robust(failure === undefined ? socket : failingSocket(failure));
}

function failingSocket(failure: Error): Socket {
  const socket = new Socket();
  socket.write = () => true;
  setTimeout(() => {
    socket.emit("error", failure);
    socket.emit("close", true);
  });
  return socket;
}

/**
 * What the driver (postgres.js 3.4.9, src/connection.js) does not survive when a connection is lost:
 *
 * - It takes all listeners away when the socket closes. A write that fails only then would be an error
 *   without a listener, which ends the process: seen with Deno 2.7.11 when PostgreSQL is killed.
 * - Told that the socket closed after an error (`closed(hadError)`), it does not reject the statements
 *   that it has put on this connection since that error: they are never settled. So it is told of no
 *   error: it has heard of that before.
 * - When it hears of the end between putting a statement into its buffer and writing the buffer a turn
 *   later, the buffer stays, and so does its note that it will be written: the greeting of the next
 *   connection waits behind it for ever. So it hears of the end two turns late, when most is written;
 *   and the greeting is made so long that it is written at once, with what stood before it. PostgreSQL
 *   cannot read that and closes, and the one after it is well.
 * - Told twice that the socket closed, it throws where nobody catches it. One that could not be connected
 *   closes, and again when the pool is ended in the turns between.
 *
 * Under load a pool lost all its connections for good within seconds of a few restarts of PostgreSQL
 * (tests/db/connection_loss_test.ts). A socket with TLS is made by the driver: it has only the greeting.
 */
function robust(socket: Socket): Socket {
  const ignore = () => {};
  socket.on("error", ignore);
  const removeAllListeners = socket.removeAllListeners.bind(socket);
  const on = socket.on.bind(socket);
  // one of many overloads, and the driver's are of this form
  const late = (event: string, listener: (...args: unknown[]) => void) => {
    if (event !== "close") return on(event, listener);
    let isClosed = false;
    return on(event, () => {
      if (isClosed) return;
      isClosed = true;
      setImmediate(() => setImmediate(() => listener(false)));
    });
  };
  const removeListeners = (event?: string) => {
    removeAllListeners(event);
    return on("error", ignore);
  };
  if (!GOES_ON_AFTER_PAUSE) socket.pause = () => socket;
  return Object.assign(socket, { on: late, removeAllListeners: removeListeners });
}

function sslOption(mode: SslMode): "allow" | "prefer" | "require" | "verify-full" | false {
  return mode === "disable" ? false : mode;
}

/** What a session of its own has beside name and time zone. */
function sessionSettings(options: ConnectOptions): Record<string, string | number> {
  const { in_order, plan_once, statement_ms_max, silent_transaction_ms_max } = options;
  return {
    // no options: it is only to be long
    options: " ".repeat(DRIVER_BUFFER_BYTES),
    ...(in_order ? { synchronize_seqscans: "off" } : {}),
    ...(plan_once ? { plan_cache_mode: "force_generic_plan" } : {}),
    ...(statement_ms_max === undefined ? {} : { statement_timeout: statement_ms_max }),
    ...(silent_transaction_ms_max === undefined
      ? {}
      : { idle_in_transaction_session_timeout: silent_transaction_ms_max }),
  };
}

/**
 * Makes a pool. Nothing is connected before the first statement, so nothing fails here but an address
 * that cannot be understood (`AddressError`). Close it with `sql.end()`.
 */
export function connect(address: DatabaseAddress, options: ConnectOptions = {}): Sql {
  const { host, port, username, password, database, ssl, pooled } = resolveAddress(address);
  const { log } = options;
  const shown = displayAddress(address);
  const connection: Record<string, string | number> = {
    application_name: options.application_name ?? "monitor",
    TimeZone: "UTC",
  };
  // a pooler refuses a connection with settings it does not know
  if (!pooled) Object.assign(connection, sessionSettings(options));
  const settings: postgres.Options<Record<string, postgres.PostgresType>> = {
    // both are lists separated by ":" and "," to the driver: a path or IPv6 address must not be split
    ...(host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : {}),
    host: "localhost",
    port,
    username,
    password,
    database,
    ssl: sslOption(ssl),
    max: options.connections_max ?? CONNECTIONS_MAX_DEFAULT,
    idle_timeout: IDLE_SECONDS_MAX,
    connect_timeout: CONNECT_SECONDS_MAX,
    connection,
    // the next statement may come to another connection of the pooler, which has not prepared it
    prepare: !pooled,
    types: { int8: { to: 20, from: [20], serialize: String, parse: parseInt8 } },
    onnotice: (notice) => log?.debug("notice from PostgreSQL", { database: shown, ...notice }),
  };
  const socket = host.startsWith("/")
    ? () => unixSocket(`${host}/.s.PGSQL.${port}`)
    : () => tcpSocket(host, port);
  Object.assign(settings, { socket });
  // the driver's generic names the types for `sql.typed.int8`, which nobody here uses
  return postgres(settings) as unknown as Sql;
}

/** Waits for an answer; rejects with what keeps it from coming. */
export async function ping(sql: Sql): Promise<void> {
  await sql`select 1`;
}
