/**
 * What a script finds in its Worker. Before any script is there, everything is taken away that no
 * collector needs: what speaks for the Worker or ends it, what reaches other Workers, other modules and
 * the process, and Deno's insides. Of `Deno` a list is left, which its permissions hold; what a newer
 * Deno adds is not on it.
 *
 * This keeps scripts of the same Worker apart, and narrows what a hole in Deno would open. What keeps
 * scripts out of the machine is the Worker's permissions, and the walls around its process.
 */
import type { NormalPermissions } from "./permissions.ts";
import { networkFetch } from "./sandbox_fetch.ts";
import { hardenIntrinsics } from "./sandbox_harden.ts";
import { pathFunctions } from "./sandbox_paths.ts";

/** Lines of a run that are passed on; the others are dropped where they arise. */
const CONSOLE_LINES_MAX = 20;

/** Held by permissions, or of no consequence. */
const DENO_ALLOWED = [
  ...["build", "errors", "inspect", "permissions", "Permissions", "PermissionStatus", "version"],
  ...["connect", "connectTls", "listen", "listenTls", "listenDatagram", "resolveDns", "startTls"],
  ...["HttpClient", "createHttpClient", "env", "cwd", "memoryUsage", "pid", "noColor"],
  ...[
    "chmod",
    "chmodSync",
    "chown",
    "chownSync",
    "copyFile",
    "copyFileSync",
    "create",
    "createSync",
  ],
  ...[
    "FsFile",
    "SeekMode",
    "link",
    "linkSync",
    "lstat",
    "lstatSync",
    "makeTempDir",
    "makeTempFile",
  ],
  ...["makeTempDirSync", "makeTempFileSync", "mkdir", "mkdirSync", "open", "openSync", "readDir"],
  ...["readDirSync", "readFile", "readFileSync", "readLink", "readLinkSync", "readTextFile"],
  ...[
    "readTextFileSync",
    "realPath",
    "realPathSync",
    "remove",
    "removeSync",
    "rename",
    "renameSync",
  ],
  ...[
    "stat",
    "statSync",
    "symlink",
    "symlinkSync",
    "truncate",
    "truncateSync",
    "utime",
    "utimeSync",
  ],
  ...["writeFile", "writeFileSync", "writeTextFile", "writeTextFileSync"],
  ...["gid", "uid", "hostname", "loadavg", "networkInterfaces", "osRelease", "osUptime"],
  ...["systemMemoryInfo", "Command", "ChildProcess"],
  ...["dlopen", "UnsafeCallback", "UnsafeFnPointer", "UnsafePointer", "UnsafePointerView"],
];

/** Gone: speaking for the Worker, other Workers, shared memory, storage, questions, devices. */
const CLOSED = [
  ...["postMessage", "close", "onmessage", "onmessageerror", "onerror", "onunhandledrejection"],
  ...["Worker", "SharedWorker", "importScripts", "BroadcastChannel", "SharedArrayBuffer", "Lock"],
  ...["caches", "CacheStorage", "Cache", "localStorage", "sessionStorage", "Storage", "indexedDB"],
  // Node's: they lead to all of its modules, and change what everybody shares when they are loaded
  ...["process", "Buffer", "setImmediate", "clearImmediate", "global"],
  ...["alert", "confirm", "prompt", "LockManager", "createImageBitmap", "OffscreenCanvas"],
];
const DEVICE = /^(GPU|Image|DOM[MPQR]|Offscreen)/;

const CONSOLE_LEVELS = ["debug", "log", "info", "warn", "error", "trace", "dir", "table"];

export interface Doors {
  /** Another run begins: it may print lines of its own. */
  nextRun(): void;
}

export interface DoorsOptions {
  /** Gets what scripts say to the console. */
  print: (message: string) => void;
  /** Scripts may distrust each other, and are not to be trusted; holding them costs 4 MB. */
  held?: Pick<NormalPermissions, "read" | "write">;
}

/** Closes them; the Worker's own listeners have to be there already. */
export function closeDoors({ print, held }: DoorsOptions): Doors {
  const scope: object = globalThis;
  closeListeners(scope);
  for (const name of Object.getOwnPropertyNames(scope)) {
    if (CLOSED.includes(name) || DEVICE.test(name)) replace(scope, name, undefined);
  }
  replace(scope, "Deno", allowedDeno(held));
  let lines = 0;
  const say = (...values: unknown[]) => {
    if (lines++ < CONSOLE_LINES_MAX) print(values.map(shown).join(" "));
  };
  replace(scope, "console", Object.fromEntries(CONSOLE_LEVELS.map((level) => [level, say])));
  if (held !== undefined) {
    replace(scope, "fetch", networkFetch(fetch));
    hardenIntrinsics(scope);
  }
  return { nextRun: () => void (lines = 0) };
}

function replace(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: false, configurable: false });
}

function shown(value: unknown): string {
  try {
    return typeof value === "object" ? JSON.stringify(value) ?? String(value) : String(value);
  } catch {
    return typeof value;
  }
}

/** `Deno` as scripts see it: its insides and whatever is not on the list are not there. */
function allowedDeno(held: DoorsOptions["held"]): object {
  const allowed: Record<string, unknown> = {};
  const guarded = held === undefined ? new Map() : pathFunctions(Deno, held);
  for (const name of DENO_ALLOWED) {
    if (!Object.hasOwn(Deno, name)) continue;
    const value: unknown = guarded.get(name) ?? ownForm(name, Reflect.get(Deno, name));
    Object.defineProperty(allowed, name, { value, enumerable: true });
  }
  const refuse = (what: string) => () => {
    throw new Error(`Deno.${what}() is not for collectors`);
  };
  // they are the Worker's, and so the neighbours' as well
  for (const name of ["request", "requestSync", "revoke", "revokeSync"]) {
    const value = refuse(`permissions.${name}`);
    Object.defineProperty(Deno.Permissions.prototype, name, { value });
  }
  for (const name of ["exit", "kill"]) {
    Object.defineProperty(allowed, name, { value: refuse(name) });
  }
  return Object.freeze(allowed);
}

/** The environment is the process's: scripts read it. What is left to change is closed. */
function ownForm(name: string, value: unknown): unknown {
  if (name === "env") {
    const { env } = Deno;
    const get = (variable: string) => env.get(variable);
    return Object.freeze({
      ...{ get, has: (variable: string) => get(variable) !== undefined },
      toObject: () => env.toObject(),
    });
  }
  if (name === "permissions") Object.preventExtensions(value);
  return value;
}

/**
 * Whoever listens at the Worker hears what others are told. Listeners are kept in an object that is found
 * by a symbol: it is closed as well. (Dispatching stays open, since Deno's messages come that way; the
 * Worker knows the agent's by their key.)
 */
function closeListeners(scope: object): void {
  const { prototype } = EventTarget;
  for (const name of ["addEventListener", "removeEventListener"] as const) {
    const original = prototype[name];
    const guarded = function (this: unknown, ...values: unknown[]) {
      if (this === undefined || this === null || this === scope) {
        throw new Error(`${name}() of the Worker is not for collectors`);
      }
      return Reflect.apply(original, this, values);
    };
    Object.defineProperty(prototype, name, { value: guarded });
  }
  for (const symbol of Object.getOwnPropertySymbols(scope)) {
    freezeAll(Reflect.get(scope, symbol), new Set());
  }
}

/** Plain data, as deep as it goes. */
function freezeAll(value: unknown, seen: Set<unknown>): void {
  if (typeof value !== "object" || value === null || seen.has(value) || value === globalThis) {
    return;
  }
  seen.add(value);
  for (const key of Reflect.ownKeys(value)) freezeAll(Reflect.get(value, key), seen);
  Object.freeze(value);
}
