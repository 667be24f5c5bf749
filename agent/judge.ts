/**
 * Whether a script may run under these settings, and how: the operator's policy and approvals, the
 * options of the script, what the machine has.
 */
import { approvalFault, type Approvals } from "./approvals.ts";
import { collectorOptions, commonOptions, missingNeed } from "./collector_options.ts";
import type { AgentConfig } from "./config.ts";
import type { ScriptVersion } from "./look.ts";
import {
  type Excess,
  excessText,
  mergedPermissions,
  permissionExcess,
  type PermissionSet,
} from "./permissions.ts";

/** Why a script is not run: see RejectedScript. */
export interface Rejection {
  state: "broken" | "refused" | "elsewhere" | "off";
  reason: string;
}

/** How a script runs. */
export interface Admission {
  /** What it declares, and what its options name. */
  permissions: PermissionSet;
  /** What it finds in `host.options`. */
  options: Record<string, unknown>;
  every_ms: number;
  timeout_ms: number;
}

export interface JudgeOptions {
  config: AgentConfig;
  approvals: Approvals;
}

/** What a script declares beyond what the settings allow it, approvals aside. */
export function excessOf(
  { name, origin, metadata }: Pick<ScriptVersion, "name" | "origin" | "metadata">,
  config: AgentConfig,
): Excess[] {
  // Shipped scripts are part of the product.
  if (origin === "shipped") return [];
  const { default: common, scripts } = config.permissions;
  const own = Object.hasOwn(scripts, name) ? scripts[name] ?? {} : {};
  return permissionExcess(metadata.permissions ?? {}, mergedPermissions(common, own));
}

/** The admission of a script, or why there is none. */
export async function judge(
  version: ScriptVersion,
  { config, approvals }: JudgeOptions,
): Promise<Admission | Rejection> {
  const { name, metadata } = version;
  const { platforms, needs } = metadata;
  const { every, timeout } = commonOptions(name, config);
  if (platforms !== undefined && !platforms.includes(Deno.build.os)) {
    return { state: "elsewhere", reason: `is for ${platforms.join(", ")}` };
  }
  const missing = await missingNeed(needs);
  if (missing !== undefined) {
    return { state: "elsewhere", reason: `needs ${missing}, which is not here` };
  }
  const set = await collectorOptions(name, metadata, config);
  if (set.kind === "off") {
    const reason = `needs collectors.${name}.${set.missing.join(", ")} in the settings`;
    return { state: "off", reason };
  }
  if (set.kind === "wrong") return { state: "broken", reason: set.faults.join("; ") };
  const declared = metadata.permissions ?? {};
  const excess = excessOf(version, config);
  const fault = excess.length === 0 ? undefined : approvalFault(approvals.get(name), {
    permissions: declared,
    text_hash: version.hash,
  });
  if (fault !== undefined) return { state: "refused", reason: excessText(name, { fault, excess }) };
  return {
    // what the options name was written by the operator: that is the policy for it
    permissions: grantedPermissions(declared, set.permissions),
    options: set.values,
    every_ms: every ?? metadata.every ?? config.interval,
    timeout_ms: timeout ?? metadata.timeout ?? config.timeout,
  };
}

/** Sorts that neither grants stay absent. */
function grantedPermissions(declared: PermissionSet, options: PermissionSet): PermissionSet {
  return Object.keys(options).length === 0 ? declared : mergedPermissions(declared, options);
}
