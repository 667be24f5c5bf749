/**
 * Symbolic links do not lead out of what a script was granted. Deno looks at the path that it is given:
 * a link in a granted folder is followed, wherever it leads. So the functions of `Deno` that scripts see
 * look first at where a path really ends. (On Linux the kernel holds the process to the same, without a
 * gap in time between looking and doing.)
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
  mkdir: CHANGES,
  remove: CHANGES,
  rename: [...CHANGES, { sort: "write", argument: 1, parent: true }],
  copyFile: [...READS, { sort: "write", argument: 1 }],
};

/** The functions that take paths, holding them to these permissions. Others of `deno` are not in it. */
export function pathFunctions(
  deno: typeof Deno,
  permissions: Pick<NormalPermissions, Sort>,
): Map<string, unknown> {
  const guard = new PathGuard(deno, permissions);
  const guarded = new Map<string, unknown>();
  const wrap = (name: string, usesOf: (values: unknown[]) => Use[]) => {
    const original: unknown = Reflect.get(deno, name);
    if (typeof original !== "function") return;
    guarded.set(name, (...values: unknown[]) => {
      for (const use of usesOf(values)) guard.check(values[use.argument], use);
      return Reflect.apply(original, deno, values);
    });
  };
  for (const [name, uses] of Object.entries(USES)) {
    for (const one of [name, `${name}Sync`]) wrap(one, () => uses);
  }
  for (const name of ["open", "openSync"]) wrap(name, ([, options]) => openUses(options));
  return guarded;
}

function openUses(options: unknown): Use[] {
  const of = (key: string) =>
    typeof options === "object" && Reflect.get(options ?? {}, key) === true;
  const writes = of("write") || of("append") || of("truncate") || of("create");
  return [...(of("read") || !writes ? READS : []), ...(writes ? WRITES : [])];
}

class PathGuard {
  readonly #deno: typeof Deno;
  readonly #granted: Pick<NormalPermissions, Sort>;

  constructor(deno: typeof Deno, permissions: Pick<NormalPermissions, Sort>) {
    this.#deno = deno;
    this.#granted = permissions;
  }

  /** Throws NotCapable when the path ends elsewhere than in what was granted. */
  check(path: unknown, { sort, parent }: Use): void {
    const granted = this.#granted[sort];
    // all of it, or nothing: then Deno's own answer is the right one
    if (!Array.isArray(granted) || (typeof path !== "string" && !(path instanceof URL))) return;
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
    try {
      const real = this.#deno.realPathSync(
        folder === "" && !/^[\\/]/.test(text) ? "." : folder || "/",
      );
      return `${real.replace(/[\\/]$/, "")}/${name}`;
    } catch {
      // not there, or its folder may not be read: Deno answers for the path as it is
      return undefined;
    }
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
