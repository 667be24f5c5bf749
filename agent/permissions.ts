/**
 * What a script may be granted. A script declares what it needs; the operator's policy says what may
 * be given; the script runs with exactly what it declared, or, if that is more than the policy, not
 * at all. Nothing is ever granted that was not declared.
 */
import { z } from "zod";

/** The sorts of permission a collector can ask for; modules from the network are never granted. */
export const PERMISSION_SORTS = ["read", "write", "net", "env", "sys", "run", "ffi"] as const;
export type PermissionSort = typeof PERMISSION_SORTS[number];

const grant = z.union([z.boolean(), z.array(z.string().min(1)).max(100)], {
  error: "must be true, false or a list of texts",
});

export const permissionsSchema = z.strictObject({
  read: grant.optional(),
  write: grant.optional(),
  net: grant.optional(),
  env: grant.optional(),
  sys: grant.optional(),
  run: grant.optional(),
  ffi: grant.optional(),
});
export type PermissionSet = z.infer<typeof permissionsSchema>;
/** All sorts written out; `normalPermissions` makes it. */
export type NormalPermissions = Required<PermissionSet>;

/**
 * What the operator's own scripts may ask for when the configuration says nothing: services on this
 * machine, and facts about it that are no secret. Files, environment, programs and other machines
 * are named in the configuration first: they are how a monitoring script becomes an intrusion.
 */
export const DEFAULT_POLICY: PermissionSet = {
  net: ["localhost", "127.0.0.1", "[::1]"],
  sys: ["hostname", "osRelease", "osUptime", "loadavg", "systemMemoryInfo", "networkInterfaces"],
};

/** One request that the policy does not cover. `value` is undefined when all of the sort was asked. */
export interface Excess {
  sort: PermissionSort;
  value?: string;
}

function pathWithin(path: string, folder: string): boolean {
  if (/(^|[\\/])\.\.([\\/]|$)/.test(path)) return false;
  const trimmed = folder.replace(/[\\/]+$/, "");
  return path === folder || path === trimmed || path.startsWith(`${trimmed}/`);
}

/** Whether an allowed entry covers a wanted one: a folder its files, a host its ports. */
function covers(sort: PermissionSort, allowed: string, wanted: string): boolean {
  if (allowed === wanted) return true;
  if (sort === "read" || sort === "write") return pathWithin(wanted, allowed);
  if (sort === "net") {
    return wanted.startsWith(`${allowed}:`) && /^\d+$/.test(wanted.slice(allowed.length + 1));
  }
  if (sort === "env") return allowed.endsWith("*") && wanted.startsWith(allowed.slice(0, -1));
  return false;
}

/** What `declared` asks for beyond `policy`; empty when all of it may be granted. */
export function permissionExcess(declared: PermissionSet, policy: PermissionSet): Excess[] {
  return PERMISSION_SORTS.flatMap((sort): Excess[] => {
    const wanted = declared[sort] ?? false;
    const allowed = policy[sort] ?? false;
    if (wanted === false || allowed === true) return [];
    if (wanted === true) return [{ sort }];
    const entries = allowed === false ? [] : allowed;
    return wanted.filter((value) => !entries.some((entry) => covers(sort, entry, value)))
      .map((value) => ({ sort, value }));
  });
}

/** What either of two sets grants. */
export function mergedPermissions(a: PermissionSet, b: PermissionSet): PermissionSet {
  const merged: PermissionSet = {};
  for (const sort of PERMISSION_SORTS) {
    const [first, second] = [a[sort] ?? false, b[sort] ?? false];
    if (first === true || second === true) merged[sort] = true;
    else merged[sort] = [...(first || []), ...(second || [])];
  }
  return merged;
}

/** Everything written out, sorted, so that equal sets are equal texts. What is absent is denied. */
export function normalPermissions(set: PermissionSet): NormalPermissions {
  const of = (sort: PermissionSort) => {
    const value = set[sort] ?? false;
    return Array.isArray(value) ? value.length === 0 ? false : [...new Set(value)].sort() : value;
  };
  return {
    read: of("read"),
    write: of("write"),
    net: of("net"),
    env: of("env"),
    sys: of("sys"),
    run: of("run"),
    ffi: of("ffi"),
  };
}

/** "none", or "net localhost:80; read everything": for people. */
export function permissionsText(set: PermissionSet): string {
  const parts = Object.entries(normalPermissions(set))
    .filter(([, value]) => value !== false)
    .map(([sort, value]) => `${sort} ${Array.isArray(value) ? value.join(", ") : "everything"}`);
  return parts.length === 0 ? "none" : parts.join("; ");
}

/** The one line that tells an operator why a script is refused and what would allow it. */
export function excessText(
  name: string,
  { fault, excess }: { fault: string; excess: readonly Excess[] },
): string {
  const wanted: Record<string, true | string[]> = {};
  for (const { sort, value } of excess) {
    const known = wanted[sort];
    if (value === undefined) wanted[sort] = true;
    else if (Array.isArray(known)) known.push(value);
    else wanted[sort] = [value];
  }
  return `${fault}; to allow it, run "monitor script approve ${name}", or add to permissions.scripts of the agent's settings: ` +
    JSON.stringify({ [name]: wanted });
}
