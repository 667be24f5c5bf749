/**
 * Where PostgreSQL listens. On Unix: one socket in a directory that only we (and PostgreSQL) can
 * enter, no network, no password. On Windows, where it has no usable sockets: the loopback
 * interface, a free port and a random password that is kept in the data directory.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { AddressParts } from "../address.ts";
import { EmbeddedError } from "./error.ts";
import { exists } from "./files.ts";
import { openTo, type PostgresUser } from "./user.ts";

export const DATABASE_NAME = "monitor";
export const SUPERUSER_NAME = "monitor";
/** Part of the socket's file name only. */
const SOCKET_PORT = 5432;
/** Bytes of a socket path: `sun_path` less the final zero, on the system with the shorter one. */
export const SOCKET_PATH_BYTES_MAX = Deno.build.os === "darwin" ? 103 : 107;
const PASSWORD_FILE = "password";

export interface Listening {
  /** Settings for the server's command line. */
  settings: Record<string, string>;
  address: AddressParts;
}

function fits(dir: string): boolean {
  const path = `${dir}/.s.PGSQL.${SOCKET_PORT}`;
  return new TextEncoder().encode(path).length <= SOCKET_PATH_BYTES_MAX;
}

/**
 * The directory for the socket: inside `postgres_dir`, or, when that path is too long for a socket,
 * a directory of the temporary folder whose name is made of it, so that every process finds it.
 */
export function socketDirectory(postgres_dir: string): string {
  const near = join(postgres_dir, "socket");
  if (fits(near)) return near;
  const digest = createHash("sha256").update(postgres_dir).digest("hex").slice(0, 16);
  const temporary = join(Deno.env.get("TMPDIR") || "/tmp", `monitor-${digest}`);
  return fits(temporary) ? temporary : `/tmp/monitor-${digest}`;
}

/** Where the server of a directory listens while it runs; not on Windows, where that changes. */
export function socketAddress(postgres_dir: string): AddressParts {
  return {
    host: socketDirectory(postgres_dir),
    port: SOCKET_PORT,
    username: SUPERUSER_NAME,
    database: DATABASE_NAME,
  };
}

/** Removes the socket's directory after the server's end when it lies in the temporary folder. */
export async function removeSocketDirectory(postgres_dir: string): Promise<void> {
  const dir = socketDirectory(postgres_dir);
  // not empty means that somebody else uses it: nothing to insist on
  if (!dir.startsWith(postgres_dir)) await Deno.remove(dir).catch(() => {});
}

/** Others can write to the temporary folder: what lies there under our name must be ours. */
async function checkOwner(dir: string, user: PostgresUser | undefined): Promise<void> {
  const { uid, isDirectory } = await Deno.lstat(dir);
  if (isDirectory && (uid === Deno.uid() || uid === user?.uid)) return;
  throw new EmbeddedError(`"${dir}", the place for its socket, belongs to somebody else`, {
    hint: `remove "${dir}", or use a data directory with a shorter path`,
  });
}

async function listenOnSocket(
  postgres_dir: string,
  user: PostgresUser | undefined,
): Promise<Listening> {
  const dir = socketDirectory(postgres_dir);
  try {
    await Deno.mkdir(dir, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    await checkOwner(dir, user);
  }
  await openTo(dir, user, "write");
  return {
    settings: {
      listen_addresses: "",
      unix_socket_directories: dir,
      unix_socket_permissions: "0700",
      port: String(SOCKET_PORT),
    },
    address: socketAddress(postgres_dir),
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The file with the superuser's password, made when there is none. Windows only. */
export async function passwordFile(postgres_dir: string): Promise<string> {
  const path = join(postgres_dir, PASSWORD_FILE);
  if (!await exists(path)) {
    await Deno.writeTextFile(path, crypto.randomUUID(), { mode: 0o600 });
  }
  return path;
}

async function listenOnLoopback(postgres_dir: string): Promise<Listening> {
  const port = freePort();
  return {
    settings: { listen_addresses: "127.0.0.1", port: String(port) },
    address: {
      host: "127.0.0.1",
      port,
      username: SUPERUSER_NAME,
      password: await Deno.readTextFile(await passwordFile(postgres_dir)),
      database: DATABASE_NAME,
    },
  };
}

/** Prepares the place to listen at; `postgres_dir` must exist. */
export function prepareListening(
  postgres_dir: string,
  user: PostgresUser | undefined,
): Promise<Listening> {
  return Deno.build.os === "windows"
    ? listenOnLoopback(postgres_dir)
    : listenOnSocket(postgres_dir, user);
}
