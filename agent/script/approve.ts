/** `monitor script approve NAME`: shows what a collector would be granted, asks, and notes the answer. */
import { createLogger } from "../../log.ts";
import { approvalFile, readApprovals, withApproval, writeApprovals } from "../approval_file.ts";
import { approve, escapesSandbox } from "../approvals.ts";
import type { AgentConfig } from "../config.ts";
import { excessOf } from "../judge.ts";
import type { ScriptVersion } from "../look.ts";
import { normalPermissions, type PermissionSet } from "../permissions.ts";
import type { ScriptContext, ScriptOptions } from "./command.ts";
import { ScriptFailure, ScriptUsageError } from "./failure.ts";
import { openScript, scriptSandbox, settingsFor } from "./open.ts";

interface ApproveOptions extends ScriptOptions {
  yes?: true;
  exact?: true;
  revoke?: true;
}

/** What each sort means to somebody who has to decide. */
const MEANING: Record<keyof PermissionSet, string> = {
  read: "read files",
  write: "write files",
  net: "connect to",
  env: "read the environment",
  sys: "ask about the machine",
  run: "start programs",
  ffi: "load libraries",
};

export async function approveScript(
  name: string,
  options: ApproveOptions,
  context: ScriptContext,
): Promise<void> {
  const { terminal, clock } = context;
  const config = await settingsFor(options, context);
  if (options.revoke) return await revoke(name, config, options, context);
  const log = createLogger({
    level: "error",
    format: "text",
    now: () => clock.now(),
    write: terminal.err,
  });
  await using sandbox = scriptSandbox(config, { clock, log });
  const { file, version, judged, approvals } = await openScript(name, { config, sandbox });
  if ("reason" in version) {
    throw new ScriptFailure(`${file.name} cannot be approved: it cannot be run`, {
      cause: version.reason,
      hint: `repair ${file.file}`,
    });
  }
  const answer = (approved: boolean, text: string) =>
    tell({ script: file.name, approved, text, permissions: version.metadata.permissions ?? {} }, {
      json: options.json,
      terminal,
    });
  if (excessOf(version, config).length === 0) {
    return answer(false, `${file.name} needs no approval: the policy allows what it declares`);
  }
  const request = { permissions: version.metadata.permissions ?? {}, text_hash: version.hash };
  const approval = approve(request, { now_ms: clock.now(), exact: options.exact });
  const known = approvals.get(file.name);
  if (!("reason" in judged) && known?.hash === approval.hash) {
    return answer(true, `${file.name} is approved already, since ${known.approved_at}`);
  }
  terminal.err(
    requestLines(version, { file: String(file.file), exact: approval.exact }).join("\n"),
  );
  if (!options.yes) ask(file.name, context);
  const path = approvalFile(config);
  // anew: a person may have thought about it for an hour, and others were approved or revoked meanwhile
  const current = await readApprovals(path);
  await writeApprovals(path, withApproval(current, file.name, approval));
  answer(true, `${file.name} is approved (${path}); a running agent takes it within two seconds`);
}

/** Throws when the answer is not yes, or there is nobody to ask. */
function ask(name: string, { confirm }: ScriptContext): void {
  const answer = confirm(`Allow ${name} this?`);
  if (answer === undefined) {
    throw new ScriptUsageError(
      "nobody can be asked here: give --yes after you have read the above",
    );
  }
  if (!answer) {
    throw new ScriptFailure(`${name} is not approved`, { hint: "let it declare less" });
  }
}

/** What is asked for, and what is peculiar about it. */
function requestLines(
  { name, metadata }: ScriptVersion,
  { file, exact }: { file: string; exact: boolean },
): string[] {
  const permissions = metadata.permissions ?? {};
  const wanted = Object.entries(normalPermissions(permissions)).filter(([, value]) =>
    value !== false
  );
  const rows = wanted.map(([sort, value]) => {
    // The keys are those of the set.
    const meaning = MEANING[sort as keyof PermissionSet];
    return `  ${sort.padEnd(6)} ${meaning}: ${Array.isArray(value) ? value.join(", ") : "ALL"}`;
  });
  return [
    `${name} (${file}) asks for more than the policy allows. It would be allowed to:`,
    ...rows,
    ...escapesSandbox(permissions)
      ? ["", "Trusted: what it starts or loads escapes the sandbox, and can do all the agent can."]
      : [],
    exact
      ? "The approval is for its text as it is now: after any change it needs another one."
      : "The approval is for these permissions: when it declares others it needs another one.",
    "",
    "",
  ];
}

async function revoke(
  name: string,
  config: AgentConfig,
  options: ApproveOptions,
  { terminal }: ScriptContext,
): Promise<void> {
  const path = approvalFile(config);
  const approvals = await readApprovals(path);
  const known = approvals.get(name);
  if (known === undefined) throw new ScriptUsageError(`${name} is not approved in ${path}`);
  await writeApprovals(path, withApproval(approvals, name, undefined));
  const text = `${name} is no longer approved; a running agent stops it within two seconds`;
  const { permissions } = known;
  tell({ script: name, approved: false, text, permissions }, { json: options.json, terminal });
}

function tell(
  { text, ...result }: {
    script: string;
    approved: boolean;
    permissions: PermissionSet;
    text: string;
  },
  { json, terminal }: { json: true | undefined; terminal: ScriptContext["terminal"] },
): void {
  if (json) terminal.out(JSON.stringify(result) + "\n");
  else terminal.out(`${text}\n`);
}
