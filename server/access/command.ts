/**
 * `monitor token …` and `monitor audit`: who may ask for what, and what was changed. They work on the
 * database itself, beside a running server, so that the first token can be made before anybody is
 * let in. Only what the help needs is loaded here.
 */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import { ROLES } from "../../db/tokens.ts";
import { UsageError } from "../cli/failure.ts";
import { parseDuration } from "../cli/instant.ts";
import { programName, type Terminal } from "../cli/terminal.ts";
import { safeText } from "../cli/text.ts";

/** The database the options of a command name, and its end. */
export interface OpenedDatabase extends AsyncDisposable {
  sql: Sql;
}

export interface AccessContext {
  terminal: Terminal;
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
  /** A command with the options that say which database is meant. */
  base: (name: string) => CommandUnknownOpts;
  /** Opens the database that the options of such a command name; `make`: also where there is none. */
  openDatabase: (options: Record<string, unknown>, make: boolean) => Promise<OpenedDatabase>;
}

const LIMIT_DEFAULT = 50;

function whole(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UsageError(
    `--limit must be a whole number of at least 1: current value is "${safeText(text)}"`,
  );
}

function uses(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new UsageError(
    `--uses must be a whole number from 1 to 99999: current value is "${safeText(text)}"`,
  );
}

function lifetime(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1_000) return ms;
  throw new UsageError(
    `--expires must be 12h, 90d or the like, at least a second: current value is "${
      safeText(text)
    }"`,
  );
}

function examples(lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${programName()} ${line}`).join("\n")}`;
}

function createCommand(context: AccessContext) {
  const command = context.base("create");
  return command
    .description("make a token, and print it: it is shown this once")
    .addOption(
      new Option("--role <role>", "what it allows").choices(ROLES).makeOptionMandatory(),
    )
    .requiredOption("--label <text>", "whose it is, or what for")
    .option("--hostname <name>", "of an agent: the only host it may report for")
    .option("--expires <time>", "12h, 90d: when it ends by itself; otherwise never", lifetime)
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      examples([
        "token create --role admin --label me",
        "token create --role agent --label web-1 --hostname web-1",
        "token create --role viewer --label wallscreen --expires 90d",
      ]),
    )
    .action(async () => {
      const { runCreate } = await import("./command_run.ts");
      await runCreate(command.opts(), context);
    });
}

function listCommand(context: AccessContext) {
  const command = context.base("list");
  return command
    .description("all tokens, newest first, without their secrets")
    .option("--json", "print them as JSON")
    .action(async () => {
      const { runList } = await import("./command_run.ts");
      await runList(command.opts(), context);
    });
}

function revokeCommand(context: AccessContext) {
  const command = context.base("revoke");
  return command
    .description("take a token or a join code back: it is of no use three seconds later")
    .argument("<name>", "its first part, as the lists show it: mon_… or join_…")
    .action(async (...args: unknown[]) => {
      const name = String(args[0]);
      if (name.startsWith("join_")) {
        const { runRevokeJoinCode } = await import("./command_join.ts");
        return await runRevokeJoinCode(name, command.opts(), context);
      }
      const { runRevoke } = await import("./command_run.ts");
      await runRevoke(name, command.opts(), context);
    });
}

function linkCommand(context: AccessContext) {
  const command = context.base("link");
  return command
    .description("a link that logs a browser in as a token's owner: once, within ten minutes")
    .argument("<name>", "the token's first part, as token list shows it: mon_…")
    .option("--url <url>", "where people reach the server", "http://localhost:8888")
    .action(async (...args: unknown[]) => {
      const { runLink } = await import("./command_run.ts");
      await runLink(String(args[0]), command.opts(), context);
    });
}

function auditCommand(context: AccessContext) {
  const command = context.base("audit");
  return command
    .description("what was changed by whom, newest first")
    .option("--limit <n>", "at most so many", whole, LIMIT_DEFAULT)
    .option("--who <label>", "only by this one")
    .option("--json", "print it as JSON")
    .addHelpText("after", examples(["audit", "audit --who me --limit 10"]))
    .action(async () => {
      const { runAudit } = await import("./command_run.ts");
      await runAudit(command.opts(), context);
    });
}

function joinCodeCommand(context: AccessContext) {
  const command = context.base("join-code");
  return command
    .description("make a code by which an agent gets a token of its own, and print it")
    .option("--hostname <name>", "the only host it lets in; otherwise any without a token")
    .option("--uses <n>", "so many agents get in by it", uses, 1)
    .option("--expires <time>", "1h, 7d: when it ends (1h)", lifetime)
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      examples([
        "token join-code --hostname web-1",
        "token join-code --uses 40 --expires 1d",
      ]) +
        "\n\nThe agent is given it once, as MONITOR_AGENT_JOIN or with join_code_file in its settings.",
    )
    .action(async () => {
      const { runJoinCode } = await import("./command_join.ts");
      await runJoinCode(command.opts(), context);
    });
}

function joinCodesCommand(context: AccessContext) {
  const command = context.base("join-codes");
  return command
    .description("all join codes, newest first, without their secrets")
    .option("--json", "print them as JSON")
    .action(async () => {
      const { runJoinCodes } = await import("./command_join.ts");
      await runJoinCodes(command.opts(), context);
    });
}

/** In the order the help lists them. */
export function accessCommands(context: AccessContext): CommandUnknownOpts[] {
  const token = new Command("token")
    .description("who may ask the server for what")
    .addHelpText("after", examples(["token create --role admin --label me", "token list"]))
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context))
    .addCommand(linkCommand(context))
    .addCommand(joinCodeCommand(context))
    .addCommand(joinCodesCommand(context));
  return [token, auditCommand(context)];
}
