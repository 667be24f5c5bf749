/** What the database says went wrong, by name, and which of it passes by itself. */

/** SQLSTATE codes this program acts on. */
export const SQLSTATE = {
  unique_violation: "23505",
  foreign_key_violation: "23503",
  /** No partition for a row. */
  check_violation: "23514",
  undefined_table: "42P01",
  duplicate_table: "42P07",
  read_only_sql_transaction: "25006",
  serialization_failure: "40001",
  deadlock_detected: "40P01",
  disk_full: "53100",
  out_of_memory: "53200",
  too_many_connections: "53300",
  lock_not_available: "55P03",
  query_canceled: "57014",
  admin_shutdown: "57P01",
  crash_shutdown: "57P02",
  cannot_connect_now: "57P03",
  idle_in_transaction_timeout: "25P03",
  invalid_password: "28P01",
  invalid_authorization: "28000",
  invalid_catalog_name: "3D000",
  insufficient_privilege: "42501",
} as const;

/** States that a later attempt may not meet, the statement being the same. */
const RETRYABLE_STATES: ReadonlySet<string> = new Set([
  // another transaction was in the way
  SQLSTATE.serialization_failure,
  SQLSTATE.deadlock_detected,
  SQLSTATE.lock_not_available,
  // the server has too little of something now: somebody frees disk, memory, connections
  SQLSTATE.disk_full,
  SQLSTATE.out_of_memory,
  SQLSTATE.too_many_connections,
  // the server stops, starts, recovers, or has just become a standby
  SQLSTATE.admin_shutdown,
  SQLSTATE.crash_shutdown,
  SQLSTATE.cannot_connect_now,
  SQLSTATE.read_only_sql_transaction,
]);

/** The same for codes of the driver and of the operating system: no connection. */
const RETRYABLE_CONNECTION_CODES: ReadonlySet<string> = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  // the unix socket of a server that is not running
  "ENOENT",
]);

/** SQLSTATE, driver code or errno of an error; undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Whether there was no (or no longer a) connection. A statement that was under way may or may not
 * have been executed: only an idempotent one can be repeated.
 */
export function isConnectionFailure(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return false;
  // class 08: connection exception
  return RETRYABLE_CONNECTION_CODES.has(code) || /^08[0-9A-Z]{3}$/.test(code);
}

/** Whether the same statement may succeed later, without anybody changing it. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return false;
  return RETRYABLE_STATES.has(code) || isConnectionFailure(error);
}

/** Numbers, times and texts that PostgreSQL cannot hold: beyond a range, or with a NUL in them. */
const UNFIT_STATES: ReadonlySet<string> = new Set(["22003", "22008", "22021", "22P02", "22P05"]);

/** Whether a value that somebody gave is the reason: one that no table could hold. */
export function isUnfitValue(error: unknown): boolean {
  return UNFIT_STATES.has(codeOf(error) ?? "");
}

/** Whether a row with this key exists already. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === SQLSTATE.unique_violation;
}

/** Whether a table is not there: the database is of an older version, or of something else. */
export function isMissingTable(error: unknown): boolean {
  return codeOf(error) === SQLSTATE.undefined_table;
}
