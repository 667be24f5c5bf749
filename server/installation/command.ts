/** `monitor doctor | health | install | version`. Only what the help needs is loaded here. */
import { Argument, Command, type OptionValues } from "@commander-js/extra-typings";
import type { Clock } from "../../clock.ts";
import { UsageError } from "../cli/failure.ts";
import { programName, type Terminal } from "../cli/terminal.ts";
import { safeText } from "../cli/text.ts";
import type { Config } from "../config.ts";
import type { DoctorContext, DoctorOptions } from "./doctor.ts";

export interface InstallationContext {
  version: string;
  terminal: Terminal;
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
}

function examples(lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${programName()} ${line}`).join("\n")}`;
}

/** `base` is named and has the options that say which settings the server has. */
export function doctorCommand<Options extends OptionValues>(
  base: Command<[], Options>,
  context: DoctorContext & { configFile: () => string | undefined },
) {
  return base
    .description("check what server and agent need, and say what to do")
    .addArgument(new Argument("[part]", "only this one").choices(["server", "agent"] as const))
    .option("--agent-config <file>", "settings of the agent (MONITOR_AGENT_CONFIG)")
    .option("--server <url>", "the server the agent reports to")
    .option("--json", "print what was found as JSON")
    .addHelpText(
      "after",
      examples([
        "doctor",
        "doctor server --data ./data",
        "doctor agent --server http://localhost:8888",
      ]) +
        "\n\nNothing is started, made or changed. Without --config and --agent-config it looks at what\n" +
        "install has written to /etc/monitor, if it is there. Exit code 1: something failed.",
    )
    .action(async (part, given) => {
      const { runDoctor } = await import("./doctor.ts");
      // of our own options; the others are read by the context
      const { agentConfig, server, json }: DoctorOptions = given;
      const config = context.configFile();
      await runDoctor({ part, config, agentConfig, server, json }, context);
    });
}

/** `base` is named and has the options that say which settings the server has. */
export function healthCommand<Options extends OptionValues>(
  base: Command<[], Options>,
  { terminal, readConfig }: Pick<InstallationContext, "terminal"> & {
    readConfig: () => Promise<{ config: Config }>;
  },
) {
  return base
    .description("ask the server of this machine whether it lives")
    .option("--ready", "whether it can do its work, too: PostgreSQL answers, the disk has room")
    .addHelpText(
      "after",
      examples(["health", "health --ready", "health --port 9000"]) +
        "\n\nFor containers, cron and scripts: exit code 0 when it does, otherwise 1. The address, and\n" +
        "whether it speaks https, are those of its settings. Needs no token.",
    )
    .action(async (given) => {
      const { checkHealth } = await import("./health.ts");
      const { config } = await readConfig();
      // of our own options; the others are read by the context
      const { ready }: { ready?: boolean } = given;
      terminal.out(`${await checkHealth(config, { ready })}\n`);
    });
}

/** `monitor version`; `--version` prints nothing but the number. */
export function versionCommand({ version, terminal }: InstallationContext) {
  return new Command("version")
    .description("what this program is made of")
    .option("--json", "print it as JSON")
    .addHelpText("after", examples(["version", "version --json"]))
    .action(async (options) => {
      const { versionReport, versionText } = await import("./version.ts");
      const report = await versionReport(version);
      terminal.out(options.json ? `${JSON.stringify(report)}\n` : `${versionText(report)}\n`);
    });
}

function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (number >= 1 && number <= 65_535) return number;
  throw new UsageError(`--port must be from 1 to 65535: current value is "${safeText(text)}"`);
}

function withInstallOptions(name: string) {
  return new Command(name)
    .option("--print", "print the unit, and change nothing")
    .option("--no-start", "do not start it, now or at the next boot")
    .option("--root <dir>", "lay the files out below this directory, for an image or a package")
    .option("--remove", "stop it and take its unit away; settings and data stay");
}

/** `monitor install server | agent`: services of systemd. */
export function installCommand({ terminal }: InstallationContext) {
  const server = withInstallOptions("server")
    .description("take reports of many machines, from now on and at every boot")
    .option("--host <address>", "address to listen on (127.0.0.1; 0.0.0.0 lets others in)")
    .option("--port <n>", "port to listen on (8888)", port)
    .addHelpText("after", examples(["install server --print", "install server --root ./image"]))
    .action(async (options) => {
      const { runInstall } = await import("./install.ts");
      await runInstall("server", options, terminal);
    });
  const agent = withInstallOptions("agent")
    .description("report this machine, from now on and at every boot")
    .option("--server <url>", "the server to report to (http://localhost:8888)")
    .addHelpText("after", examples(["install agent --print", "install agent --root ./image"]))
    .action(async (options) => {
      const { runInstall } = await import("./install.ts");
      await runInstall("agent", options, terminal);
    });
  return new Command("install")
    .description("make the server or the agent a service of systemd")
    .addHelpText("after", examples(["install server --print", "install agent --print"]))
    .addCommand(server)
    .addCommand(agent);
}

/** What `monitor agent install` says: there is one spelling. */
export function movedInstall(name: "agent") {
  return new Command("install").argument("[rest...]").allowUnknownOption().action(() => {
    throw new UsageError(`it is called "${programName()} install ${name}"`);
  });
}
