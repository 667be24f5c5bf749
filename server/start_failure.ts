/**
 * A server that cannot start, told to its operator. Errors that already carry a hint pass through;
 * what the system or PostgreSQL says becomes what failed, why, and what to do. Everything else is a
 * mistake of ours and stays as it is.
 */
import { displayAddress } from "../db/address.ts";
import { CommandError } from "./cli/failure.ts";
import type { Config } from "./config.ts";

/** Codes of the operating system and SQLSTATEs by what an operator can do about them. */
const DATABASE_HINTS: readonly { codes: RegExp; hint: string }[] = [
  { codes: /^(ECONNREFUSED|ENOENT|57P03)$/, hint: "start PostgreSQL, or correct host and port" },
  { codes: /^(ENOTFOUND|EAI_AGAIN|EAI_NONAME)$/, hint: "correct the host name" },
  {
    codes: /^(CONNECT_TIMEOUT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ECONNRESET|CONNECTION_CLOSED)$/,
    hint: "see that a firewall lets this machine reach PostgreSQL",
  },
  { codes: /^28/, hint: "correct the user name and the password (database.password_file)" },
  { codes: /^3D/, hint: "create the database: createdb monitor" },
  { codes: /^42501$/, hint: "make the user the owner of the database" },
  {
    codes: /^53300$/,
    hint: "raise max_connections of PostgreSQL, or lower database.max_connections",
  },
  { codes: /^08/, hint: "check host, port and the TLS mode (database.ssl)" },
];

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

type Place = Pick<Config["webapp"], "host" | "port">;

function listenFailure(error: Error, { host, port }: Place): CommandError | undefined {
  const failed = `Cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return new CommandError(failed, {
      cause: "another program listens there already",
      hint: `stop it, or take another port with --port ${port === 65_535 ? 8888 : port + 1}`,
    });
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return new CommandError(failed, {
      cause: "this machine does not have that address",
      hint: "listen on 127.0.0.1 (this machine only) or 0.0.0.0 (everyone) with --host",
    });
  }
  if (error instanceof Deno.errors.PermissionDenied && port > 0 && port < 1024) {
    return new CommandError(failed, {
      cause: "ports below 1024 need special rights",
      hint: "take a port from 1024 up with --port 8888",
    });
  }
  return undefined;
}

/** Trouble with files of the data directory: no space, no such parent, a file in its place, … */
function dataFailure(error: Error, data_dir: string): CommandError | undefined {
  const { NotFound, AlreadyExists, NotADirectory, PermissionDenied } = Deno.errors;
  const kinds = [NotFound, AlreadyExists, NotADirectory, PermissionDenied];
  const of_files = kinds.some((kind) => error instanceof kind) ||
    /^(ENOSPC|EROFS|EDQUOT|EIO)$/.test(codeOf(error));
  if (!of_files || !error.message.includes(data_dir)) return undefined;
  return new CommandError(`Cannot use the data directory "${data_dir}"`, {
    cause: error,
    hint: "name a directory on a disk that can be written to with --data DIR",
  });
}

/** The error to throw instead of `error`; often the same. */
export function explainStart(
  error: unknown,
  config: Pick<Config, "data_dir" | "database"> & { webapp: Place },
): unknown {
  if (!(error instanceof Error) || "hint" in error) return error;
  const told = dataFailure(error, config.data_dir) ?? listenFailure(error, config.webapp);
  if (told !== undefined) return told;
  const known = DATABASE_HINTS.find(({ codes }) => codes.test(codeOf(error)));
  if (known === undefined || config.database.kind === "embedded") return error;
  return new CommandError(`Cannot use the database ${displayAddress(config.database.address)}`, {
    cause: error,
    hint: known.hint,
  });
}
