/**
 * Symbolic links do not lead out of what a script was granted. Deno looks at the path that it is given:
 * a link in a granted folder is followed, wherever it leads. So the functions of `Deno` that scripts see
 * look first at where a path really ends. (On Linux the kernel holds the process to the same, without a
 * gap in time between looking and doing.) What they are given is turned into plain values once, which are
 * looked at and passed on: an object may say another path each time it is asked.
 *
 * Where a script may write but not read, where a path ends cannot be found out; then the path is all
 * there is.
 */
import type { NormalPermissions } from "./permissions.ts";

type Sort = "read" | "write";
type Path = string | URL;

/** What functions do with the paths they are given. `parent`: the last name is not followed. */
interface Use {
  sort: Sort;
  argument: number;
  parent?: true;
}

const READS: Use[] = [{ sort: "read", argument: 0 }];
const WRITES: Use[] = [{ sort: "write", argument: 0 }];
const CHANGES: Use[] = [{ sort: "write", argument: 0, parent: true }];

/** By name; each has a form that ends in `Sync`, or is one of `ALONE`. */
const USES: Record<string, Use[]> = {
  readFile: READS,
  readTextFile: READS,
  readDir: READS,
  stat: READS,
  writeFile: WRITES,
  writeTextFile: WRITES,
  truncate: WRITES,
  create: WRITES,
  chmod: WRITES,
  chown: WRITES,
  utime: WRITES,
  realPath: READS,
  lstat: [{ sort: "read", argument: 0, parent: true }],
  readLink: [{ sort: "read", argument: 0, parent: true }],
  mkdir: CHANGES,
  remove: CHANGES,
  rename: [...CHANGES, { sort: "write", argument: 1, parent: true }],
  copyFile: [...READS, { sort: "write", argument: 1 }],
  link: [
    ...[0, 1].map((argument): Use => ({ sort: "read", argument, parent: true })),
    ...[0, 1].map((argument): Use => ({ sort: "write", argument, parent: true })),
  ],
};

const OPEN_OPTIONS = ["read", "write", "append", "truncate", "create", "createNew", "mode"];
const TEMPORARY_OPTIONS = ["dir", "prefix", "suffix"];

/** The functions that take paths, holding them to these permissions. Others of `deno` are not in it. */
export function pathFunctions(
  deno: typeof Deno,
  permissions: Pick<NormalPermissions, Sort>,
): Map<string, unknown> {
  const guard = new PathGuard(deno, permissions);
  const guarded = new Map<string, unknown>();
  /** `hold` checks the values of a call, and makes them plain. */
  const wrap = (name: string, hold: (values: unknown[]) => void) => {
    for (const form of [name, `${name}Sync`]) {
      const original: unknown = Reflect.get(deno, form);
      if (typeof original !== "function") continue;
      guarded.set(form, (...values: unknown[]) => {
        hold(values);
        return Reflect.apply(original, deno, values);
      });
    }
  };
  const holdPaths = (values: unknown[], uses: readonly Use[]) => {
    for (const use of uses) {
      const path = plainPath(values[use.argument]);
      guard.check(path, use);
      values[use.argument] = path;
    }
  };
  for (const [name, uses] of Object.entries(USES)) wrap(name, (values) => holdPaths(values, uses));
  wrap("open", (values) => {
    const options = plainOptions(values[1], OPEN_OPTIONS);
    values[1] = options;
    holdPaths(values, openUses(options));
  });
  for (const name of ["makeTempDir", "makeTempFile"]) {
    wrap(name, (values) => {
      const options = plainOptions(values[0], TEMPORARY_OPTIONS);
      values[0] = options;
      if (options?.dir !== undefined) guard.check(plainPath(options.dir), { sort: "write" });
    });
  }
  return guarded;
}

function openUses(options: Record<string, unknown> = {}): Use[] {
  const writes = ["write", "append", "truncate", "create"].some((key) => Boolean(options[key]));
  return [...(options.read || !writes ? READS : []), ...(writes ? WRITES : [])];
}

/** Deno makes a text of whatever it is given. */
function plainPath(path: unknown): Path {
  return path instanceof URL ? new URL(`${path}`) : `${path}`;
}

function plainOptions(
  options: unknown,
  keys: readonly string[],
): Record<string, unknown> | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  // nothing is inherited from a prototype
  const plain: Record<string, unknown> = Object.create(null);
  for (const key of keys) {
    const value: unknown = Reflect.get(options, key);
    if (value === undefined || value === null) continue;
    plain[key] = typeof value === "boolean" || typeof value === "number" ? value : `${value}`;
  }
  return plain;
}

class PathGuard {
  readonly #deno: typeof Deno;
  readonly #granted: Pick<NormalPermissions, Sort>;

  constructor(deno: typeof Deno, permissions: Pick<NormalPermissions, Sort>) {
    this.#deno = deno;
    this.#granted = permissions;
  }

  /** Throws NotCapable when the path ends elsewhere than in what was granted. */
  check(path: Path, { sort, parent }: Omit<Use, "argument">): void {
    const granted = this.#granted[sort];
    // all of it, or nothing: then Deno's own answer is the right one
    if (!Array.isArray(granted)) return;
    const end = parent ? this.#parentEnd(path) : this.#end(path);
    // no link on the way: Deno's own answer is the right one
    if (end === undefined || end === textOf(path)) return;
    if (granted.some((root) => isWithin(end, this.#end(root) ?? root))) return;
    throw new this.#deno.errors.NotCapable(
      `Requires ${sort} access to "${end}", where a link leads; it was granted for less`,
    );
  }

  /** Where a path ends; undefined when that cannot be found out. */
  #end(path: Path): string | undefined {
    try {
      return this.#deno.realPathSync(path);
    } catch (error) {
      return error instanceof this.#deno.errors.NotFound ? this.#parentEnd(path) : undefined;
    }
  }

  #parentEnd(path: Path): string | undefined {
    const text = textOf(path);
    const [, folder = "", name = ""] = /^(.*?)[\\/]*([^\\/]*)[\\/]*$/.exec(text) ?? [];
    if (name === "" || name === "." || name === "..") return undefined;
    // undefined when its folder may not be read: Deno answers for the path as it is
    const real = this.#end(folder === "" && !/^[\\/]/.test(text) ? "." : folder || "/");
    return real === undefined ? undefined : `${real.replace(/[\\/]$/, "")}/${name}`;
  }
}

function textOf(path: Path): string {
  return path instanceof URL ? decodeURIComponent(path.pathname) : path;
}

function isWithin(path: string, root: string): boolean {
  const trimmed = root.replace(/[\\/]+$/, "");
  return path === trimmed || path === root || path.startsWith(`${trimmed}/`) ||
    path.startsWith(`${trimmed}\\`);
}
