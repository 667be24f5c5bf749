/**
 * From permissions to walls, as pure functions: what the kernel may let a process do, and which
 * scripts may share one.
 *
 * A process costs some 45 MB, so scripts share one as long as that gives none of them more than it
 * declared, as far as the kernel can tell:
 *
 * - scripts that ask for neither files, environment, network nor programs: one process for all;
 * - scripts that ask for the network and nothing else of these: one process. The kernel's rules are
 *   about ports, not machines, so that it holds this group to the ports of all of them;
 * - all others: one process for each different set of permissions.
 *
 * `run` and `ffi` mean trust: a program that a script starts, or a library that it loads, is not held
 * by Deno's permissions, and what it needs is not known. No wall is built around these.
 */
import { resolve } from "node:path";
import { normalPermissions, type PermissionSet } from "../permissions.ts";

/** `true` is everything. */
export interface Grants {
  read: true | string[];
  write: true | string[];
  /** TCP ports; the machines are not the kernel's business. */
  ports: true | number[];
  /** Names of variables of the agent's environment, `APP_*` for all that begin so. */
  env: true | string[];
  /** Held by nothing but the process itself. */
  trusted: boolean;
}

export const NO_GRANTS: Grants = { read: [], write: [], ports: [], env: [], trusted: false };

/** Where answers of name servers that are too long for UDP come from. */
const DNS_PORT = 53;

/** What the kernel has to allow for these permissions. */
export function grantsOf(set: PermissionSet): Grants {
  const { read, write, net, env, run, ffi } = normalPermissions(set);
  return {
    read: pathsOf(read),
    write: pathsOf(write),
    ports: portsOf(net),
    env: listOf(env),
    trusted: run !== false || ffi !== false,
  };
}

/** What either of two sets needs. */
export function mergedGrants(a: Grants, b: Grants): Grants {
  const join = <T>(first: true | T[], second: true | T[]): true | T[] =>
    first === true || second === true ? true : [...new Set([...first, ...second])];
  return {
    read: join(a.read, b.read),
    write: join(a.write, b.write),
    ports: join(a.ports, b.ports),
    env: join(a.env, b.env),
    trusted: a.trusted || b.trusted,
  };
}

/** Whether a process with the grants `given` can hold a script that needs `wanted`. */
export function grantsCover(given: Grants, wanted: Grants): boolean {
  const merged = mergedGrants(given, wanted);
  const size = (list: true | unknown[]) => list === true ? Infinity : list.length;
  return (["read", "write", "ports", "env"] as const)
    .every((sort) => size(merged[sort]) === size(given[sort])) && given.trusted === merged.trusted;
}

/** Scripts with equal groups may share a process. */
export function processGroup(set: PermissionSet): string {
  const { read, write, net, env, run, ffi } = normalPermissions(set);
  if ([read, write, env, run, ffi].some((grant) => grant !== false)) {
    return JSON.stringify({ read, write, net, env, run, ffi });
  }
  return net === false ? "none" : "net";
}

/** The variables of `environment` that these names and patterns let through. */
export function grantedVariables(
  env: true | readonly string[],
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const fits = (name: string) =>
    env === true ||
    env.some((entry) => entry.endsWith("*") ? name.startsWith(entry.slice(0, -1)) : name === entry);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => fits(name)));
}

function listOf(grant: boolean | string[]): true | string[] {
  return grant === true ? true : grant || [];
}

function pathsOf(grant: boolean | string[]): true | string[] {
  const list = listOf(grant);
  return list === true ? true : list.map((path) => resolve(path));
}

function portsOf(grant: boolean | string[]): true | number[] {
  const list = listOf(grant);
  if (list === true) return true;
  const ports = list.map(portOf);
  if (ports.includes(undefined)) return true;
  const known = ports.filter((port) => port !== undefined);
  return known.length === 0 ? [] : [...new Set([...known, DNS_PORT])].sort((a, b) => a - b);
}

/** `host:80`, `[::1]:80`; an IPv6 address without brackets has no port. */
function portOf(entry: string): number | undefined {
  const port = /^(?:[^:]+|\[[^\]]*\]):(\d+)$/.exec(entry)?.[1];
  return port === undefined ? undefined : Number(port);
}
