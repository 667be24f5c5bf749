/** Assembles the commands of server/, agent/ and db/; nothing else. */
import { agentCommand } from "./agent/command.ts";
import { isForScripts, runForScripts } from "./agent/isolation/entry.ts";
import { scriptCommand } from "./agent/script/command.ts";
import { systemClock } from "./clock.ts";
import { migrateCommand } from "./db/command.ts";
import { UNPACK_ARGUMENT, unpackForParent } from "./db/embedded/packed.ts";
import manifest from "./deno.json" with { type: "json" };
import { accessCommands } from "./server/access/command.ts";
import { alertsCommand } from "./server/alerts/command.ts";
import { backupCommand, restoreCommand } from "./server/backup/command.ts";
import { certificateCommand } from "./server/certificate/command.ts";
import { readingCommands } from "./server/cli/command.ts";
import { askYesNo } from "./server/cli/confirm.ts";
import { dataCommands } from "./server/cli/data_command.ts";
import { quietCommands } from "./server/cli/quiet_command.ts";
import { createProgram, runProgram } from "./server/cli/program.ts";
import { listenForStop } from "./server/cli/signals.ts";
import { tellingCommands } from "./server/cli/telling_command.ts";
import { layoutTable } from "./server/cli/table.ts";
import { programName, systemTerminal } from "./server/cli/terminal.ts";
import {
  configure,
  migrateBase,
  openBeside,
  openForMigrate,
  openMigrateTarget,
  quiet,
  serverCommands,
  transferMeter,
  withListenOptions,
  withServerOptions,
} from "./server/command.ts";
import {
  doctorCommand,
  healthCommand,
  installCommand,
  movedInstall,
  versionCommand,
} from "./server/installation/command.ts";
import { SERVICES } from "./server/installation/place.ts";

if (import.meta.main) {
  const { version } = manifest;
  const terminal = systemTerminal();
  const args = Deno.args;
  // a compiled program starts itself for these: they are no commands for people
  if (args[0] === UNPACK_ARGUMENT) Deno.exit(await unpackForParent(args[1] ?? ""));
  if (isForScripts(args)) Deno.exit(await runForScripts(args));
  const context = {
    version,
    terminal,
    clock: systemClock,
    env: Deno.env.toObject(),
    verbose: args.includes("--verbose"),
    program: programName(),
    listenForStop: (onHangup?: () => void) => listenForStop(terminal, systemClock, onHangup),
  };
  const [up, serve, aggregate] = serverCommands(context);
  const migrate = migrateCommand(migrateBase(), {
    clock: context.clock,
    out: terminal.out,
    openDatabase: (options) => openForMigrate(options, context),
    openTarget: (to, options) => openMigrateTarget(to, options, context),
    listenForStop: context.listenForStop,
    showMeter: transferMeter(context),
  });
  const access = accessCommands({
    ...context,
    base: withServerOptions,
    openDatabase: (options, make) =>
      openBeside(options, { ...context, application_name: "monitor access", make }),
  });
  const doctor_base = withServerOptions("doctor");
  const doctor = doctorCommand(doctor_base, {
    ...context,
    configFile: () => doctor_base.opts().config,
    readConfig: (file) => configure({ ...doctor_base.opts(), config: file }, context),
  });
  // nobody is let in by these: whom the server lets in does not matter
  const offline = { ...context.env, MONITOR_ACCESS_MODE: "required" };
  const [backup_base, restore_base] = [withServerOptions("backup"), withServerOptions("restore")];
  const backup = backupCommand(backup_base, {
    ...context,
    readConfig: () => configure(backup_base.opts(), quiet({ ...context, env: offline })),
  });
  const restore = restoreCommand(restore_base, {
    ...context,
    readConfig: () => configure(restore_base.opts(), quiet({ ...context, env: offline })),
  });
  const health_base = withListenOptions("health");
  const health = healthCommand(health_base, {
    terminal,
    readConfig: () => configure(health_base.opts(), quiet({ ...context, env: offline })),
  });
  const agent = agentCommand(context).addCommand(movedInstall("agent"), { hidden: true });
  const installed_config = SERVICES.agent.config;
  const script = scriptCommand({ ...context, installed_config, layoutTable, confirm: askYesNo });
  const program = createProgram({ version, terminal }, [
    ...[up, serve, agent, script],
    ...readingCommands(context),
    alertsCommand(context),
    ...tellingCommands(context),
    ...quietCommands(context),
    ...dataCommands(context),
    ...access,
    ...[
      backup,
      restore,
      migrate,
      aggregate,
      doctor,
      health,
      installCommand(context),
      versionCommand(context),
    ],
    certificateCommand(context),
  ]);
  Deno.exit(await runProgram(program, { args, version, terminal }));
}
