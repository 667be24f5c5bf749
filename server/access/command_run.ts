/** What `monitor token …` and `monitor audit` do. */
import { insertAudit, selectAudit } from "../../db/audit.ts";
import type { Sql } from "../../db/connect.ts";
import { isMissingTable } from "../../db/sqlstate.ts";
import { type Role, selectToken, type TokenRow } from "../../db/tokens.ts";
import { serverUrl } from "../cli/address.ts";
import { CommandError } from "../cli/failure.ts";
import { formatAge, formatTime } from "../cli/instant.ts";
import { printTable } from "../cli/table.ts";
import { programName } from "../cli/terminal.ts";
import { safeJson, safeText } from "../cli/text.ts";
import type { AccessContext, OpenedDatabase } from "./command.ts";
import { makeLink } from "./session_book.ts";
import { TokenDesk } from "./token_desk.ts";

/** Lines of a list. */
export const LIST_MAX = 10_000;

type Options = Record<string, unknown>;

/** Opens the database for a command; says what to do when it is too old. */
export async function withDatabase(
  options: Options,
  { context, make = false }: { context: AccessContext; make?: boolean },
  use: (database: OpenedDatabase) => Promise<void>,
): Promise<void> {
  await using database = await context.openDatabase(options, make);
  try {
    await use(database);
  } catch (error) {
    if (!isMissingTable(error)) throw error;
    throw new CommandError("This database is of an older version", {
      hint: `bring it up to date with "${programName()} migrate"`,
    });
  }
}

/** Who is logged in at this terminal, for the log. */
export function personOf({ env }: AccessContext): string {
  return env.SUDO_USER || env.USER || env.LOGNAME || "command line";
}

/** Writes down what a command has done, as the server does for what is asked of it. */
export async function writeAudit(
  sql: Sql,
  { context, ...done }: { context: AccessContext; action: string; target: string; detail: object },
): Promise<void> {
  await insertAudit(sql, {
    ...{ ...done, at_ms: context.clock.now(), who: personOf(context), token_name: null },
    ...{ address: "", status: 200, detail: JSON.stringify(done.detail) },
  });
}

export async function runCreate(options: Options, context: AccessContext): Promise<void> {
  const { terminal, clock } = context;
  // the command has checked them
  const { role, label, hostname, expires, json } = options as {
    role: Role;
    label: string;
    hostname?: string;
    expires?: number;
    json?: true;
  };
  if (hostname !== undefined && role !== "agent") {
    throw new CommandError("Cannot bind this token to a host", {
      cause: `only tokens of role agent report for one: its role is "${role}"`,
      hint: "leave out --hostname",
    });
  }
  await withDatabase(options, { context, make: true }, async ({ sql }) => {
    const { token, text } = await new TokenDesk({ sql, clock }).create({
      role,
      label,
      hostname: hostname ?? null,
      expires_in_ms: expires,
      created_by: personOf(context),
    });
    const detail = { role, label, hostname, expires_ms: token.expires_ms };
    await writeAudit(sql, { context, action: "token create", target: token.name, detail });
    if (json) {
      terminal.out(`${safeJson({ name: token.name, role, label, hostname, token: text })}\n`);
      return;
    }
    terminal.out(`${text}\n`);
    terminal.err("Keep it where only its owner can read it: it is not shown again\n");
  });
}

function tokenTable(tokens: readonly TokenRow[], now_ms: number) {
  const headers = ["NAME", "ROLE", "HOST", "LABEL", "CREATED", "EXPIRES", "USED", "STATE"];
  const ago = (ms: number | null, none: string) => ms === null ? none : formatAge(now_ms - ms);
  const rows = tokens.map((token) => {
    const { name, role, hostname, label, expires_ms, last_used_ms, revoked_ms } = token;
    const is_over = expires_ms !== null && expires_ms <= now_ms;
    return [
      ...[name, role, hostname ?? "", label, formatTime(token.created_ms)],
      expires_ms === null ? "never" : formatTime(expires_ms),
      ago(last_used_ms, "never"),
      revoked_ms !== null ? "revoked" : is_over ? "expired" : "valid",
    ];
  });
  return { headers, rows };
}

export async function runList(options: Options, context: AccessContext): Promise<void> {
  const { terminal, clock } = context;
  await withDatabase(options, { context }, async ({ sql }) => {
    const tokens = await new TokenDesk({ sql, clock }).list({ limit: LIST_MAX });
    if (options.json) return terminal.out(`${safeJson(tokens)}\n`);
    if (tokens.length === 0) return terminal.err("No token was made yet\n");
    printTable(terminal, tokenTable(tokens, clock.now()));
  });
}

function unknownToken(name: string): CommandError {
  return new CommandError(`There is no token ${safeText(JSON.stringify(name))} that can be used`, {
    hint: `"${programName()} token list" shows their names`,
  });
}

export async function runRevoke(
  name: string,
  options: Options,
  context: AccessContext,
): Promise<void> {
  const { terminal, clock } = context;
  await withDatabase(options, { context }, async ({ sql }) => {
    try {
      const token = await new TokenDesk({ sql, clock }).revoke(name);
      const detail = { role: token.role, label: token.label };
      await writeAudit(sql, { context, action: "token revoke", target: token.name, detail });
      terminal.out(`${token.name} (${safeText(token.label)}) is taken back\n`);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "NotFoundError") throw error;
      throw unknownToken(name);
    }
  });
}

export async function runLink(
  name: string,
  options: Options,
  context: AccessContext,
): Promise<void> {
  const { terminal, clock } = context;
  const base = serverUrl(String(options.url));
  await withDatabase(options, { context }, async ({ sql }) => {
    const token = await selectToken(sql, name);
    const is_over = token?.revoked_ms !== null ||
      (token.expires_ms !== null && token.expires_ms <= clock.now());
    if (token === undefined || is_over || token.role === "agent") throw unknownToken(name);
    const link = await makeLink({ sql, clock }, token.id);
    const detail = { role: token.role, label: token.label };
    await writeAudit(sql, { context, action: "token link", target: name, detail });
    // behind the #, which a browser keeps to itself: it gets into no log
    terminal.out(`${base}/login#${link}\n`);
  });
}

export async function runAudit(options: Options, context: AccessContext): Promise<void> {
  const { terminal } = context;
  // the command has checked them
  const { limit, who, json } = options as { limit: number; who?: string; json?: true };
  await withDatabase(options, { context }, async ({ sql }) => {
    const entries = await selectAudit(sql, { limit, who });
    if (json) return terminal.out(`${safeJson(entries)}\n`);
    if (entries.length === 0) return terminal.err("Nothing was changed yet\n");
    const headers = ["TIME", "WHO", "FROM", "ACTION", "WHAT", "DETAIL"];
    const rows = entries.map(({ at_ms, who, address, action, target, detail }) => [
      // of a request the method: its path is the target
      ...[formatTime(at_ms), who, address, action.replace(/ \/.*/, ""), target, detail],
    ]);
    printTable(terminal, { headers, rows });
  });
}
