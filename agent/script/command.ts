/** `monitor script …`: everything about single collectors. What a command needs is loaded when it runs. */
import { Command } from "@commander-js/extra-typings";
import type { AgentContext } from "../command.ts";

/** What the program gives these commands. */
export interface ScriptContext extends AgentContext {
  terminal: AgentContext["terminal"] & { columns: number; out_is_terminal: boolean };
  /** Settings that are taken when none are named, if there is such a file. */
  installed_config?: string;
  /** The lines of a table, as wide as the terminal. */
  layoutTable: (
    table: { columns: readonly { header: string }[]; rows: readonly (readonly string[])[] },
    cells: number,
  ) => string[];
  /** Asks the person at the terminal; undefined when there is none. */
  confirm: (question: string) => boolean | undefined;
}

/** Options of all commands that look at collectors. */
export interface ScriptOptions {
  config?: string;
  metrics?: string[];
  data?: string;
  json?: true;
}

function folders(folder: string, before: string[] | undefined): string[] {
  return [...before ?? [], folder];
}

function withSettings(name: string, description: string) {
  return new Command(name)
    .description(description)
    .option("--config <file>", "the agent's settings, as JSON (MONITOR_AGENT_CONFIG)")
    .option("--metrics <dir>", "a folder with collectors; may be repeated", folders)
    .option("--data <dir>", "the agent's data, with its approvals (MONITOR_AGENT_DATA)")
    .option("--json", "print JSON");
}

function listCommand(context: ScriptContext) {
  return withSettings("list", "all collectors: what runs, what does not, and why")
    .option("--measure", "run each once, and show what that costs")
    .addHelpText("after", examples(context, ["script list", "script list --measure --json"]))
    .action(async (options) => {
      const { listScripts } = await import("./list.ts");
      await listScripts(options, context);
    });
}

function runCommand(context: ScriptContext) {
  return withSettings("run", "run one collector once: values, time, memory, what it was denied")
    .argument("<name>", "its name, or the path of a file")
    .addHelpText(
      "after",
      examples(context, ["script run uptime", "script run ./metrics/open_files.ts --json"]) +
        "\n\nExit code 1: it failed, or may not run.",
    )
    .action(async (name, options) => {
      const { runScript } = await import("./run.ts");
      await runScript(name, options, context);
    });
}

function testCommand(context: ScriptContext) {
  return withSettings("test", "run one collector on recorded answers, and compare its values")
    .argument("<name>", "its name, or the path of a file")
    .option("--fixture <dir>", "where the answers are (<name>.fixture beside the collector)")
    .option("--record", "record the answers of this machine, and what the collector made of them")
    .option("--force", "with --record: in place of what was recorded before")
    .addHelpText(
      "after",
      examples(context, ["script test open_files --record", "script test open_files"]) +
        "\n\nExit code 1: other values than expected.",
    )
    .action(async (name, options) => {
      const { testScript } = await import("./test.ts");
      await testScript(name, options, context);
    });
}

function newCommand(context: ScriptContext) {
  return new Command("new")
    .description("write a new collector that works, and can be changed")
    .argument("<name>", "what it and its metrics are called")
    .option("--config <file>", "the agent's settings, as JSON (MONITOR_AGENT_CONFIG)")
    .option("--metrics <dir>", "the folder to write to (./metrics)")
    .addHelpText("after", examples(context, ["script new open_files --metrics ./my-metrics"]))
    .action(async (name, options) => {
      const { newScript } = await import("./new.ts");
      await newScript(name, options, context);
    });
}

function approveCommand(context: ScriptContext) {
  return withSettings("approve", "allow one collector what it declares beyond the policy")
    .argument("<name>")
    .option("--yes", "do not ask")
    .option("--exact", "only as its text is now; run and ffi are always approved so")
    .option("--revoke", "take the approval back")
    .addHelpText(
      "after",
      examples(context, [
        "script approve local_users",
        "script approve local_users --yes --config /etc/monitor/agent.json",
        "script approve local_users --revoke",
      ]) + "\n\nA running agent follows within two seconds. An approval ends when the collector\n" +
        "declares anything else.",
    )
    .action(async (name, options) => {
      const { approveScript } = await import("./approve.ts");
      await approveScript(name, options, context);
    });
}

function typesCommand(context: ScriptContext) {
  return new Command("types")
    .description("print the types for authors of collectors")
    .addHelpText("after", examples(context, ["script types > my-metrics/monitor.d.ts"]))
    .action(async () => {
      const { declarationText } = await import("./declaration.ts");
      context.terminal.out(await declarationText());
    });
}

function examples({ program }: ScriptContext, lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${program} ${line}`).join("\n")}`;
}

/** `monitor script list | run | test | new | approve | types`. */
export function scriptCommand(context: ScriptContext) {
  return new Command("script")
    .description("write, try, test and approve collectors")
    .addHelpText("after", examples(context, ["script list", "script new disk_age"]))
    .addCommand(listCommand(context))
    .addCommand(runCommand(context))
    .addCommand(testCommand(context))
    .addCommand(newCommand(context))
    .addCommand(approveCommand(context))
    .addCommand(typesCommand(context));
}
