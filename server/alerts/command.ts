/**
 * `monitor alerts …`: what is wrong and what to do about it, over the API; scenarios without a server.
 * Only what the help needs is loaded here.
 */
import { Command } from "@commander-js/extra-typings";
import type { Clock } from "../../clock.ts";
import { SERVER_DESCRIPTION } from "../cli/address.ts";
import { example } from "../cli/command.ts";
import { UsageError } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import { safeText } from "../cli/text.ts";

export interface AlertsContext {
  terminal: Terminal;
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
}

const LIMIT_DEFAULT = 50;
const WHO = "who says it (the name you are logged in with)";

/** An option or argument that is a whole number. */
function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageError(
    `${name} must be a whole number of at least 1: current value is "${safeText(text)}"`,
  );
}

const incidentId = (text: string) => whole("the incident's id", text);

function listCommand(context: AlertsContext) {
  return new Command("list")
    .description("incidents that are open; with --all also those that are over, newest first")
    .option("--all", "also what is over")
    .option("--host <name>", "only of this host")
    .option("--limit <n>", "at most so many", (text) => whole("--limit", text), LIMIT_DEFAULT)
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /api/v1/incidents")
    .addHelpText("after", example(["alerts list", "alerts list --all --limit 10"]))
    .action(async (options) => {
      const { listIncidents } = await import("./command_run.ts");
      await listIncidents(options, context);
    });
}

function showCommand(context: AlertsContext) {
  return new Command("show")
    .description("one incident: what happened, its points, who was told")
    .argument("<id>", "of the incident", incidentId)
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /api/v1/incidents/<id>")
    .action(async (id, options) => {
      const { showIncident } = await import("./command_run.ts");
      await showIncident(id, options, context);
    });
}

function ackCommand(context: AlertsContext) {
  return new Command("ack")
    .description("say that somebody looks after it: nobody is told again until it gets worse")
    .argument("<id>", "of the incident", incidentId)
    .argument("[note...]", "what to tell the others")
    .option("--for <time>", "for so long: 2h (until it is over or gets worse)")
    .option("--withdraw", "nobody looks after it after all")
    .option("--who <name>", WHO)
    .option("--server <url>", SERVER_DESCRIPTION)
    .addHelpText("after", example(["alerts ack 12 on my way --for 2h"]))
    .action(async (id, note, options) => {
      const { acknowledge } = await import("./command_run.ts");
      await acknowledge(id, { ...options, note: note.join(" ") }, context);
    });
}

function commentCommand(context: AlertsContext) {
  return new Command("comment")
    .description("write something to an incident")
    .argument("<id>", "of the incident", incidentId)
    .argument("<text...>")
    .option("--who <name>", WHO)
    .option("--server <url>", SERVER_DESCRIPTION)
    .action(async (id, text, options) => {
      const { comment } = await import("./command_run.ts");
      await comment(id, { ...options, note: text.join(" ") }, context);
    });
}

function resolveCommand(context: AlertsContext) {
  return new Command("resolve")
    .description("end an incident: it begins anew only after its condition was false")
    .argument("<id>", "of the incident", incidentId)
    .argument("[note...]", "why")
    .option("--who <name>", WHO)
    .option("--server <url>", SERVER_DESCRIPTION)
    .action(async (id, note, options) => {
      const { resolve } = await import("./command_run.ts");
      await resolve(id, { ...options, note: note.join(" ") }, context);
    });
}

function rulesCommand(context: AlertsContext) {
  return new Command("rules")
    .description("the rules there are")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /api/v1/rules")
    .action(async (options) => {
      const { listRules } = await import("./command_run.ts");
      await listRules(options, context);
    });
}

function applyCommand(context: AlertsContext) {
  return new Command("apply")
    .description("make the rules of a file the server's: new, changed, and removed ones, by name")
    .argument("<file>", "YAML or JSON: {rules: [...]}")
    .option("--dry-run", "only say what would change")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of POST /api/v1/rules/apply")
    .addHelpText(
      "after",
      example(["alerts apply alerts.yaml --dry-run", "alerts apply alerts.yaml"]),
    )
    .action(async (file, options) => {
      const { applyRules } = await import("./command_run.ts");
      await applyRules(file, options, context);
    });
}

function testCommand(context: AlertsContext) {
  return new Command("test")
    .description("run scenarios: samples in, notifications out; needs no server")
    .argument("<file...>", "scenarios")
    .option("--json", "print the results as JSON")
    .addHelpText("after", example(["alerts test tests/*.scenario"]))
    .action(async (files, options) => {
      const { testScenarios } = await import("./command_scenarios.ts");
      testScenarios(files, options, context);
    });
}

function backtestCommand(context: AlertsContext) {
  return new Command("backtest")
    .description("when a rule would have fired, on the history there is")
    .argument("<rule>", "its name or id")
    .option("--since <time>", "from when on: 30d, 2026-01-31", "7d")
    .option("--file <file>", "take the rule from this file, not from the server")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of POST /api/v1/rules/backtest")
    .addHelpText(
      "after",
      example(['alerts backtest "Disk almost full" --since 30d', "alerts backtest 3 --json"]),
    )
    .action(async (rule, options) => {
      const { backtest } = await import("./command_run.ts");
      await backtest(rule, options, context);
    });
}

/** The command with all of its own. */
export function alertsCommand(context: AlertsContext) {
  const commands = [
    listCommand,
    showCommand,
    ackCommand,
    commentCommand,
    resolveCommand,
    rulesCommand,
    applyCommand,
    testCommand,
    backtestCommand,
  ];
  const alerts = new Command("alerts")
    .description("what is wrong, since when, and who looks after it")
    .addHelpText("after", example(["alerts list", "alerts show 12", "alerts apply alerts.yaml"]));
  for (const make of commands) alerts.addCommand(make(context));
  return alerts;
}
