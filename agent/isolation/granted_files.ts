/**
 * Whether files that a process was granted are still the same ones. Landlock's rules are about a very
 * file; a program that writes its state anew and moves it over the old one makes another file of the
 * same name, which the process may not read. So it has to be started again, and from then on the folder
 * of such a file is open to it, as far as the kernel is concerned: Deno's permissions still name the file.
 */
import { dirname } from "node:path";
import type { Grants } from "./walls.ts";

/** Read by Deno when it looks for other machines, and replaced when the machine's network changes. */
const NETWORK_FILES = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];

/** What a path leads to; undefined when to nothing. */
function identity(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

export class GrantedFiles {
  readonly #known: ReadonlyMap<string, string | undefined>;

  /** Remembers what the paths of these grants lead to now. */
  constructor({ read, write, ports }: Grants) {
    const network = ports === true || ports.length > 0 ? NETWORK_FILES : [];
    const paths = [read, write, network].flatMap((list) => list === true ? [] : list);
    this.#known = new Map(paths.map((path) => [path, identity(path)]));
  }

  /** Paths that lead to something else than at the beginning. What is gone waits for what will come. */
  replaced(): string[] {
    return [...this.#known].flatMap(([path, before]) => {
      const now = identity(path);
      return now === undefined || now === before ? [] : [path];
    });
  }
}

/** The same grants, with the folders of these paths in their place. */
export function withFolders(grants: Grants, paths: ReadonlySet<string>): Grants {
  const widen = (list: true | string[]) =>
    list === true ? true : list.map((path) => paths.has(path) ? dirname(path) : path);
  return { ...grants, read: widen(grants.read), write: widen(grants.write) };
}
