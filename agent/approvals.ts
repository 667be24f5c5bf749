/**
 * What the operator has approved beyond the policy, script by script. Pure: approval_file.ts keeps it.
 *
 * An approval is pinned by a hash. For most permissions it is the hash of what the script declares:
 * its text may be edited, since it can do no more than it could before, and a change of what it
 * declares needs approval again. `run` and `ffi` escape the sandbox: what such a script does is not
 * held by anything it declares, so that its text is pinned too, with all it imports.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import {
  normalPermissions,
  type PermissionSet,
  permissionsSchema,
  permissionsText,
} from "./permissions.ts";

export const approvalsSchema = z.strictObject({
  version: z.literal(1),
  scripts: z.record(
    z.string(),
    z.strictObject({
      /** What was declared when it was approved, for people; the hash is what counts. */
      permissions: permissionsSchema,
      /** The text was approved too, and no other. */
      exact: z.boolean(),
      hash: z.string().regex(/^[0-9a-f]{64}$/),
      /** ISO 8601. */
      approved_at: z.string(),
    }),
  ),
});
export type Approval = z.output<typeof approvalsSchema>["scripts"][string];
export type Approvals = ReadonlyMap<string, Approval>;

/** What a script asks for, and the text that asks. */
export interface Request {
  permissions: PermissionSet;
  /** SHA-256 of the linked text. */
  text_hash: string;
}

/** Whether a script with these permissions is held by nothing but the trust of its operator. */
export function escapesSandbox(permissions: PermissionSet): boolean {
  const { run, ffi } = normalPermissions(permissions);
  return run !== false || ffi !== false;
}

function hashOf(request: Request, exact: boolean): string {
  const pinned = [normalPermissions(request.permissions), exact ? request.text_hash : null];
  return createHash("sha256").update(JSON.stringify(pinned)).digest("hex");
}

/** `exact` pins the text also where that is not needed. */
export function approve(
  request: Request,
  options: { now_ms: number; exact?: boolean },
): Approval {
  const exact = (options.exact ?? false) || escapesSandbox(request.permissions);
  return {
    permissions: request.permissions,
    exact,
    hash: hashOf(request, exact),
    approved_at: new Date(options.now_ms).toISOString(),
  };
}

/** What is wrong with an approval, for its operator; undefined when it holds. */
export function approvalFault(
  approval: Approval | undefined,
  request: Request,
): string | undefined {
  if (approval === undefined) return "asks for more than the policy allows";
  if (approval.hash === hashOf(request, approval.exact)) return undefined;
  const [before, now] = [
    permissionsText(approval.permissions),
    permissionsText(request.permissions),
  ];
  return before === now
    ? "has changed since it was approved, and was approved as it stood"
    : `asks for other permissions than were approved (${before})`;
}
