/**
 * `monitor serve | up | aggregate`. Only what the help needs is loaded here; the server, the agent
 * and the configuration are loaded when a command runs.
 */
import { Command, Option } from "@commander-js/extra-typings";
import type { Clock } from "../clock.ts";
import { LOG_FORMATS, LOG_LEVELS, type Logger } from "../log.ts";
import type { Database } from "../db/database.ts";
import { aggregateCommand } from "./aggregate/command.ts";
import { connectClient } from "./cli/command.ts";
import { CommandError, UsageError } from "./cli/failure.ts";
import { showMeter } from "./cli/meter.ts";
import { showProgress } from "./cli/progress.ts";
import { listenForStop } from "./cli/signals.ts";
import { programName, type Terminal } from "./cli/terminal.ts";
import type { CommandLine, Config } from "./config.ts";

export interface ServerContext {
  version: string;
  terminal: Terminal;
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
  /** `--verbose` was given: log lines of level debug. */
  verbose: boolean;
}

/** The options all commands share that work on the server's own data. */
export function withServerOptions(name: string) {
  return new Command(name)
    .option("--config <file>", "settings (./server_config.json when there is one)")
    .option("--data <dir>", "where the server's own PostgreSQL lives")
    .option("--database-url <url>", "another PostgreSQL: postgres://user@host:5432/database")
    .addOption(new Option("--log-level <level>", "least important lines").choices(LOG_LEVELS))
    .addOption(new Option("--log-format <format>", "for people or machines").choices(LOG_FORMATS));
}

/** The same, and where the server listens. */
export function withListenOptions(name: string) {
  return withServerOptions(name)
    .option("--host <address>", "address to listen on (127.0.0.1; 0.0.0.0 lets others in)")
    .option("--port <n>", "port to listen on (8888)");
}

function examples(lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${programName()} ${line}`).join("\n")}`;
}

/** Reads the settings for a command, and a second time with `reread`. Both throw ConfigError. */
export async function configure(
  options: CommandLine & { config?: string },
  context: ServerContext & { defaults?: Record<string, unknown> },
): Promise<{ config: Config; log: Logger; reread: () => Config }> {
  const { loadConfig } = await import("./config.ts");
  const { createLogger } = await import("../log.ts");
  const level = options.logLevel ?? (context.verbose ? "debug" : undefined);
  const read = () =>
    loadConfig({
      file: options.config,
      overrides: { ...options, logLevel: level },
      env: context.env,
      defaults: context.defaults,
    });
  const config = read();
  const settings = {
    now: context.clock.now,
    // these may be changed while the server runs
    get level() {
      return config.log.level;
    },
    get format() {
      return config.log.format;
    },
  };
  return { config, log: createLogger(settings), reread: read };
}

function runCommand(name: "serve" | "up", context: ServerContext) {
  return withListenOptions(name).action(async (options) => {
    // `up` is for a person at the terminal, who wants its first lines and then only what is wrong
    const defaults = name === "up" ? { "log.level": "warn" } : {};
    const settings = await configure(options, { ...context, defaults });
    const { runInForeground } = await import("./foreground.ts");
    await runInForeground({ ...context, ...settings, with_agent: name === "up" });
  });
}

function upCommand(context: ServerContext) {
  return runCommand("up", context)
    .description("server and agent for this machine, in one go")
    .addHelpText("after", examples(["up", "up --port 9000 --data ./data"]));
}

function serveCommand(context: ServerContext) {
  return runCommand("serve", context)
    .description("the server: takes reports, keeps them, answers")
    .addHelpText(
      "after",
      examples([
        "serve",
        "serve --port 8888 --log-format json",
        "serve --database-url postgres://monitor@localhost/monitor",
      ]) + "\n\nEvery setting of server_config.json is also a variable of the environment:\n" +
        "  webapp.port is MONITOR_WEBAPP_PORT (or MONITOR_PORT), data_dir is MONITOR_DATA_DIR\n" +
        "  (or MONITOR_DATA); passwords can stand in files: MONITOR_DATABASE_PASSWORD_FILE\n\n" +
        "--host 0.0.0.0 lets other machines in, with tokens: MONITOR_ACCESS_MODE=required and\n" +
        `"${programName()} token create --role admin --label me"`,
    );
}

/**
 * The database for `aggregate`, whose `--host` is a host that reports and no address to listen on.
 * Throws with hints, also when another monitor has the database.
 */
async function openForAggregate(
  options: CommandLine & { config?: string },
  context: ServerContext,
): Promise<{ database: Database; config: Config; log: Logger }> {
  const { config, log } = await configure({ ...options, host: undefined }, {
    ...context,
    defaults: { "log.level": "warn" },
  });
  const { openConfigured } = await import("./open_database.ts");
  const progress = showProgress(context.terminal);
  try {
    const onProgress = progress.step;
    const database = await openConfigured(config, { log, clock: context.clock, onProgress });
    return { database, config, log };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "DataDirectoryInUse") throw error;
    throw new CommandError(error.message, {
      hint: `let that server do it with "${programName()} aggregate --server", or stop it first`,
    });
  } finally {
    progress.done();
  }
}

function aggregate(context: ServerContext) {
  const { terminal, clock, env } = context;
  const base = withServerOptions("aggregate");
  return aggregateCommand(base, {
    terminal,
    clock,
    listenForStop: () => listenForStop(terminal),
    askServer: async (server) => await (await connectClient(server, env)).aggregate(),
    openDatabase: () => openForAggregate(base.opts(), context),
  });
}

/** `monitor migrate` before db/command.ts adds what it does: its name, and which database is meant. */
export function migrateBase() {
  return withServerOptions("migrate").addHelpText(
    "after",
    examples([
      "migrate --status",
      "migrate --dry-run",
      "migrate --data ./data",
      "migrate --to postgres://monitor@localhost/monitor",
      "migrate --distribute --dry-run",
    ]) + "\n\nA password for --to can stand in PGPASSWORD.\n" +
      "--distribute is for Citus 12 or newer. It was never run on a real one: see docs/scale.md.",
  );
}

/** Opens the database the options of `migrateBase` name, as it is. */
export async function openForMigrate(
  options: CommandLine & { config?: string },
  context: ServerContext,
) {
  return await openPlace(await configure(options, quiet(context)), context);
}

/** Opens the database `monitor migrate --to` names, as it is. */
export async function openMigrateTarget(
  to: string,
  options: CommandLine & { config?: string },
  context: ServerContext,
) {
  const source = await configure(options, quiet(context));
  if (to === "embedded") {
    if (source.config.database.kind === "embedded") {
      throw new UsageError(
        '--to embedded needs another database to move from: "database" in server_config.json, ' +
          "or --database-url",
      );
    }
    const { max_connections } = source.config.database;
    const database = { kind: "embedded" as const, max_connections };
    return await openPlace({ ...source, config: { ...source.config, database } }, context);
  }
  // by the same rules as a URL of the settings
  const { config, log } = await configure({ ...options, databaseUrl: to }, quiet(context));
  return await openPlace({ config, log }, context);
}

/** Commands for a person say what is wrong, and nothing else. */
export function quiet(context: ServerContext) {
  return { ...context, defaults: { "log.level": "warn" } };
}

async function openPlace(
  { config, log }: { config: Config; log: Logger },
  context: ServerContext,
) {
  const { openConfigured } = await import("./open_database.ts");
  const progress = showProgress(context.terminal);
  try {
    const database = await openConfigured(config, {
      log,
      clock: context.clock,
      onProgress: progress.step,
      application_name: "monitor migrate",
    });
    const { sql, url_for_display, close } = database;
    const external = config.database.kind === "external";
    return {
      sql,
      log,
      url_for_display: external ? url_for_display : `${config.data_dir} (embedded)`,
      // what is asked for by this command need not be kept: its operator has a backup
      keepCopy: external ? () => Promise.resolve() : database.keepCopy,
      address: config.database.kind === "external" ? config.database.address : undefined,
      data_dir: external ? undefined : config.data_dir,
      close,
    };
  } finally {
    progress.done();
  }
}

/** How far `monitor migrate --to` is. */
export function transferMeter({ terminal, clock }: ServerContext) {
  return (label: string) => {
    const meter = showMeter(terminal, { label, unit: "rows", clock });
    return {
      update: ({ rows, fraction, note }: { rows: number; fraction: number; note: string }) =>
        meter.update({ done: rows, fraction, note }),
      done: () => meter.done(),
    };
  };
}

/** Opens the database the options name as it is, beside a server that runs on it. */
export async function openBeside(
  options: CommandLine & { config?: string },
  context: ServerContext & { application_name: string; make?: boolean },
) {
  const { clock, terminal, application_name, make } = context;
  // whom the server lets in is not asked here: this makes the tokens that it wants
  const env = { ...context.env, MONITOR_ACCESS_MODE: "required" };
  const { config, log } = await configure(options, quiet({ ...context, env }));
  const { openInUse } = await import("./open_database.ts");
  const progress = showProgress(terminal);
  try {
    const onProgress = progress.step;
    return await openInUse(config, { log, clock, onProgress, application_name, make });
  } finally {
    progress.done();
  }
}

/** In the order the help lists them. */
export function serverCommands(context: ServerContext) {
  return [upCommand(context), serveCommand(context), aggregate(context)] as const;
}
