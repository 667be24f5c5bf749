/**
 * The program around the commands: one look of help and errors, exit codes, completion scripts.
 * Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
 */
import { Argument, Command, CommanderError } from "@commander-js/extra-typings";
import { completionScript, SHELLS } from "./completion.ts";
import { explainFailure } from "./failure.ts";
import { programName, type Terminal } from "./terminal.ts";

/** A command as other modules make it: arguments and options of any kind. */
// deno-lint-ignore no-explicit-any -- the library's own type for "any command" is this one
type AnyCommand = Command<any, any, any>;

const EXIT_CODE_USAGE = 2;
const HELP_COLUMNS_MAX = 100;

/** What `monitor` alone prints: the five commands most people need, as they would type them. */
export function shortHelp(version: string): string {
  const self = programName();
  const examples = [
    ["up", "this machine's metrics at http://localhost:8888"],
    ["serve --port 9000", "a server for many machines"],
    ["agent --server http://localhost:8888", "report this machine to a server"],
    ["latest", "the newest value of every metric"],
    ["history $(hostname) cpu_usage --since 1h", "one metric, with a chart"],
  ];
  const width = Math.max(...examples.map(([command = ""]) => command.length));
  const lines = examples.map(([command = "", what = ""]) =>
    `  ${self} ${command.padEnd(width)}  ${what}`
  );
  return [
    `monitor ${version}: collects, keeps and shows the metrics of your machines`,
    "",
    ...lines,
    "",
    `All commands: ${self} --help    One of them: ${self} up --help`,
    "",
  ].join("\n");
}

function completionCommand(program: AnyCommand, terminal: Terminal) {
  return new Command("completion")
    .description("print a script that completes commands and options in your shell")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .addHelpText(
      "after",
      "\nExample, for this session of bash:\n  source <(monitor completion bash)",
    )
    .action((shell) => terminal.out(completionScript(shell, program)));
}

/** Every command of the tree throws instead of ending the process, and looks the same. */
function unify(command: AnyCommand, parent: AnyCommand): void {
  command.copyInheritedSettings(parent);
  const names: string[] = [];
  for (let at: AnyCommand = command; at.parent !== null; at = at.parent) names.unshift(at.name());
  command.showHelpAfterError(`(all there is: ${[programName(), ...names, "--help"].join(" ")})`);
  for (const child of command.commands) unify(child, command);
}

/** Puts the commands together, in the order of the help. */
export function createProgram(
  options: { version: string; terminal: Terminal },
  commands: readonly AnyCommand[],
): AnyCommand {
  const { version, terminal } = options;
  const columns = Math.min(terminal.columns, HELP_COLUMNS_MAX);
  const program = new Command("monitor")
    .description("Collects, keeps and shows the metrics of your machines")
    .version(version, "--version", "print the version")
    .option("--verbose", "debug lines in the log, and the chain of causes of an error")
    .helpOption("-h, --help", "show the help of a command")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, helpWidth: columns })
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHasColors: () => terminal.colours,
      getErrHasColors: () => false,
    });
  for (const command of commands) program.addCommand(command);
  program.addCommand(completionCommand(program, terminal));
  unify(program, program);
  return program;
}

/**
 * Runs the command `args` names and resolves to the exit code. Never rejects: whatever a command
 * throws is told on stderr, see `failure.ts`.
 */
export async function runProgram(
  program: AnyCommand,
  options: { args: readonly string[]; version: string; terminal: Terminal },
): Promise<number> {
  const { args, version, terminal } = options;
  try {
    if (args.length === 0) terminal.out(shortHelp(version));
    else await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    // commander has told it already: help or version (0), or what was wrong with the command line
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODE_USAGE;
    const failure = explainFailure(error, { verbose: args.includes("--verbose") });
    terminal.err(failure.text);
    return failure.exit_code;
  }
}
