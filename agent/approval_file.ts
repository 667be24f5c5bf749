/**
 * The file of approvals, in the agent's data directory. Whoever can write it can grant permissions:
 * it is taken only when it belongs to the agent's user or to root and nobody else may write it, and
 * it is replaced as one, so that a crash leaves the old one.
 */
import { join } from "node:path";
import { type Approval, type Approvals, approvalsSchema } from "./approvals.ts";
import { writePrivately } from "./private_file.ts";

const FILE_NAME = "approvals.json";
/** A thousand approvals have half a megabyte. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** A file of approvals that is not taken, or cannot be written. Told in one line. */
export class ApprovalFileError extends Error {
  override readonly name = "ApprovalFileError";
  readonly hint: string;

  constructor(message: string, options: { hint: string }) {
    super(message);
    this.hint = options.hint;
  }
}

export function approvalFile(config: { data_dir: string }): string {
  return join(config.data_dir, FILE_NAME);
}

/** What has been approved; nothing when there is no file. Throws ApprovalFileError. */
export async function readApprovals(file: string): Promise<Approvals> {
  let text: string;
  try {
    const info = await Deno.stat(file);
    const fault = ownerFault(info);
    if (fault !== undefined) {
      const hint = `look at what is in it, then: chmod 600 ${file} (or remove it)`;
      throw new ApprovalFileError(`The approvals in ${file} are not taken: ${fault}`, { hint });
    }
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    if (error instanceof ApprovalFileError) throw error;
    throw new ApprovalFileError(`The approvals in ${file} cannot be read: ${reason(error)}`, {
      hint: "let the agent's user read it",
    });
  }
  const parsed = approvalsSchema.safeParse(parseJson(text));
  if (parsed.success) return new Map(Object.entries(parsed.data.scripts));
  throw new ApprovalFileError(
    `The approvals in ${file} are not taken: it is no file of approvals`,
    {
      hint: "remove it, and approve again what is needed",
    },
  );
}

/** Writes all approvals. Root leaves the file to the owner of its folder, who runs the agent. */
export async function writeApprovals(file: string, approvals: Approvals): Promise<void> {
  const scripts = Object.fromEntries([...approvals].sort(([a], [b]) => a < b ? -1 : 1));
  const text = JSON.stringify({ version: 1, scripts }, undefined, 2);
  try {
    await writePrivately(file, `${text}\n`);
  } catch (error) {
    throw new ApprovalFileError(`Cannot write ${file}: ${reason(error)}`, {
      hint: "run this as the agent's user or as root",
    });
  }
}

/** With one more, or without one when `approval` is undefined. */
export function withApproval(
  approvals: Approvals,
  name: string,
  approval: Approval | undefined,
): Approvals {
  const changed = new Map(approvals);
  if (approval === undefined) changed.delete(name);
  else changed.set(name, approval);
  return changed;
}

function ownerFault(info: Deno.FileInfo): string | undefined {
  const { isFile, mode, uid, size } = info;
  if (!isFile) return "it is not a file";
  if (size > FILE_BYTES_MAX) return `it has more than ${FILE_BYTES_MAX / 1024 / 1024} MB`;
  // Windows knows neither.
  if (mode === null || uid === null) return undefined;
  if (uid !== 0 && uid !== Deno.uid()) return "it belongs to another user";
  return (mode & 0o022) === 0 ? undefined : "others may write it";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
