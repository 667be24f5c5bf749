/** `monitor agent`. Only what the help needs is loaded here; the agent itself when it runs. */
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { Clock } from "../clock.ts";
import { createLogger, LOG_FORMATS, LOG_LEVELS } from "../log.ts";
import type { AgentConfigInput } from "./config.ts";

/** What the program gives its commands. */
export interface AgentContext {
  /** Data and everything else; made safe and ended by the program. */
  terminal: { out(text: string): void; err(text: string): void };
  clock: Clock;
  version: string;
  env: Readonly<Record<string, string | undefined>>;
  /** `--verbose` was given: log lines of level debug. */
  verbose: boolean;
  /** How a person calls the program, for examples. */
  program: string;
  /** Listens for Ctrl-C and its like until disposed; SIGHUP calls `onHangup`. */
  listenForStop: (onHangup: () => void) => Disposable & { readonly signal: AbortSignal };
}

/** Something failed that was told already: ends the program with exit code 1. */
class SomeCollectorsFailed extends Error {
  override readonly name = "SomeCollectorsFailed";
  readonly hint = "Run with --log-level debug, or repair the collectors named above";
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("It must be a number of seconds, such as 10");
}

function folders(folder: string, before: string[] | undefined): string[] {
  return [...before ?? [], folder];
}

const EXAMPLES = [
  "agent --once",
  "agent --server https://monitor.example:8888",
  "agent --metrics ./metrics --metrics /etc/monitor/metrics --interval 30",
  "agent --once --json --metrics ./metrics",
];

const MORE = `
Collectors are TypeScript files that export collect(host); ./metrics is looked at when it exists.
Settings also name commands, Nagios plugins, Prometheus exporters, a StatsD listener, and whether
Python files may run: docs/sources.md has them.
Settings can also stand in a file (--config, or MONITOR_AGENT_CONFIG, which "up" reads too) or in
the environment: MONITOR_AGENT_SERVER, MONITOR_AGENT_HOSTNAME, MONITOR_AGENT_ALIAS,
MONITOR_AGENT_LOCATION, MONITOR_AGENT_METRICS, MONITOR_AGENT_TAGS (role=web,site=north),
MONITOR_AGENT_INTERVAL, MONITOR_AGENT_TIMEOUT, MONITOR_AGENT_TOKEN, MONITOR_AGENT_JOIN (a code
of "token join-code", by which the agent gets a token of its own), MONITOR_AGENT_DATA. Changes of
collectors and settings are followed while the agent runs.`;

/** `monitor agent`: reports this machine to a server, until it is asked to stop. */
export function agentCommand(context: AgentContext) {
  return new Command("agent")
    .description("report this machine to a server")
    .option("--config <file>", "settings, as JSON")
    .option("--server <url>", "the server to report to, or several of one database: a,b")
    .option("--metrics <dir>", "a folder with your own collectors; may be repeated", folders)
    .option("--hostname <name>", "who this is (the machine's own name)")
    .option("--data <dir>", "where reports wait until the server has them")
    .option("--interval <seconds>", "how often to collect (10)", seconds)
    .option("--once", "collect once, print it, and end; needs no server")
    .option("--json", "with --once: print JSON")
    .addOption(new Option("--log-level <level>", "least important lines").choices(LOG_LEVELS))
    .addOption(new Option("--log-format <format>", "for people or machines").choices(LOG_FORMATS))
    .addHelpText(
      "after",
      `\nExamples:\n${EXAMPLES.map((line) => `  ${context.program} ${line}`).join("\n")}\n${MORE}`,
    )
    .action(async (options) => {
      const { server, metrics, hostname, data, interval, once, json } = options;
      const level = options.logLevel ?? (context.verbose ? "debug" : once ? "error" : "info");
      const log = createLogger({
        level,
        format: options.logFormat ?? "text",
        now: context.clock.now,
        write: context.terminal.err,
      });
      const { agentConfigSource } = await import("./config.ts");
      const overrides: AgentConfigInput = { server, metrics, hostname, data_dir: data, interval };
      const source = agentConfigSource({ file: options.config, env: context.env, overrides });
      const config = await source.load();
      if (once) return await printOnce({ config, log, json: json ?? false }, context);
      const { startAgent } = await import("./agent.ts");
      const { spoolDir } = await import("./spool/settings.ts");
      const { credentialFor } = await import("./credential_choice.ts");
      let reload = () => {};
      using stop = context.listenForStop(() => {
        log.info("Asked to read settings and collectors anew");
        reload();
      });
      const agent = await startAgent({
        ...{ config, source },
        credential: await credentialFor({ config, clock: context.clock, log }),
        spool_dir: spoolDir(config.spool, config.data_dir),
        clock: context.clock,
        log,
        version: context.version,
        signal: stop.signal,
      });
      reload = () => agent.reload();
      const { keepSmall } = await import("./start_pages.ts");
      const stopped = new AbortController();
      void keepSmall({ clock: context.clock, log, signal: stopped.signal });
      await agent.stopped;
      stopped.abort();
    });
}

async function printOnce(
  options: Omit<Parameters<typeof import("./once.ts").collectOnce>[0], "clock"> & { json: boolean },
  { terminal, clock }: AgentContext,
): Promise<void> {
  const { collectOnce, onceTable } = await import("./once.ts");
  const result = await collectOnce({ ...options, clock });
  terminal.out(options.json ? JSON.stringify(result, undefined, 2) + "\n" : onceTable(result));
  for (const { script, message } of result.failed) terminal.err(`${script}: ${message}\n`);
  if (result.failed.length > 0) {
    throw new SomeCollectorsFailed(
      `${result.failed.length} of the collectors gave no values`,
    );
  }
}
