/** What `monitor token join-code` and `join-codes` do, and `token revoke` with a code. */
import type { JoinCodeRow } from "../../db/join_codes.ts";
import { CommandError } from "../cli/failure.ts";
import { formatTime } from "../cli/instant.ts";
import { printTable } from "../cli/table.ts";
import { programName } from "../cli/terminal.ts";
import { safeJson, safeText } from "../cli/text.ts";
import type { AccessContext } from "./command.ts";
import { LIST_MAX, personOf, withDatabase, writeAudit } from "./command_run.ts";
import { JOIN_MS_DEFAULT, JoinDesk } from "./join_desk.ts";

type Options = Record<string, unknown>;

export async function runJoinCode(options: Options, context: AccessContext): Promise<void> {
  const { terminal, clock } = context;
  // the command has checked them
  const { hostname, uses, expires, json } = options as {
    hostname?: string;
    uses: number;
    expires?: number;
    json?: true;
  };
  await withDatabase(options, { context, make: true }, async ({ sql }) => {
    const { code, text } = await new JoinDesk({ sql, clock }).create({
      ...{ hostname: hostname ?? null, uses, expires_in_ms: expires ?? JOIN_MS_DEFAULT },
      created_by: personOf(context),
    });
    const { name, expires_ms } = code;
    const detail = { hostname, uses, expires_ms };
    await writeAudit(sql, { context, action: "token join-code", target: name, detail });
    if (json) {
      const expires_s = expires_ms / 1000;
      terminal.out(`${safeJson({ name, hostname, uses, expires: expires_s, code: text })}\n`);
      return;
    }
    terminal.out(`${text}\n`);
    terminal.err(
      `Give it to the agent as MONITOR_AGENT_JOIN, until ${
        formatTime(expires_ms)
      }: it is not shown ` +
        "again\n",
    );
  });
}

function stateOf({ revoked_ms, expires_ms, uses_left }: JoinCodeRow, now_ms: number): string {
  if (revoked_ms !== null) return "revoked";
  if (expires_ms <= now_ms) return "expired";
  return uses_left > 0 ? "valid" : "used";
}

export async function runJoinCodes(options: Options, context: AccessContext): Promise<void> {
  const { terminal, clock } = context;
  await withDatabase(options, { context }, async ({ sql }) => {
    const codes = await new JoinDesk({ sql, clock }).list({ limit: LIST_MAX });
    if (options.json) return terminal.out(`${safeJson(codes)}\n`);
    if (codes.length === 0) return terminal.err("No join code was made yet\n");
    const headers = ["NAME", "HOST", "USES LEFT", "CREATED", "BY", "EXPIRES", "STATE"];
    const rows = codes.map((code) => [
      ...[code.name, code.hostname ?? "", `${code.uses_left} of ${code.uses}`],
      ...[formatTime(code.created_ms), code.created_by, formatTime(code.expires_ms)],
      stateOf(code, clock.now()),
    ]);
    printTable(terminal, { headers, rows });
  });
}

export async function runRevokeJoinCode(
  name: string,
  options: Options,
  context: AccessContext,
): Promise<void> {
  const { terminal, clock } = context;
  await withDatabase(options, { context }, async ({ sql }) => {
    try {
      const { uses_left } = await new JoinDesk({ sql, clock }).revoke(name);
      const detail = { uses_left };
      await writeAudit(sql, { context, action: "token revoke", target: name, detail });
      terminal.out(`${name} is taken back\n`);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "NotFoundError") throw error;
      throw new CommandError(`There is no join code ${safeText(JSON.stringify(name))}`, {
        hint: `"${programName()} token join-codes" shows their names`,
      });
    }
  });
}
