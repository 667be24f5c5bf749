/** One script, found by its name or path, looked at and judged; and the sandbox it can be run in. */
import { approvalFile, readApprovals } from "../approval_file.ts";
import type { Approvals } from "../approvals.ts";
import { type AgentConfig, type AgentConfigInput, loadAgentConfig } from "../config.ts";
import { type Admission, judge, type Rejection } from "../judge.ts";
import { type BrokenScript, lookAt, type ScriptVersion } from "../look.ts";
import { createHostMethods, type HostMethods } from "../host.ts";
import { isolationOf } from "../isolation/settings.ts";
import type { Logger } from "../../log.ts";
import { Sandbox } from "../sandbox.ts";
import { DEFAULT_SCRIPT_FOLDER, findScripts, nameOfScript, type ScriptFile } from "../scripts.ts";
import { TypeStripper } from "../strip.ts";
import type { ScriptContext, ScriptOptions } from "./command.ts";
import { ScriptUsageError } from "./failure.ts";

/** The settings an agent would have with these options. Throws AgentConfigError. */
export async function settingsFor(
  options: ScriptOptions,
  context: ScriptContext,
): Promise<AgentConfig> {
  const { config, metrics, data } = options;
  const { env, installed_config, terminal } = context;
  const named = config !== undefined || metrics !== undefined || env.MONITOR_AGENT_CONFIG ||
    env.MONITOR_AGENT_METRICS;
  const installed = named || installed_config === undefined
    ? undefined
    : await Deno.stat(installed_config).then(() => installed_config, () => undefined);
  if (installed !== undefined) terminal.err(`Settings of the installed agent: ${installed}\n`);
  const overrides: AgentConfigInput = { metrics, data_dir: data };
  return await loadAgentConfig({ file: config ?? installed, env: { ...env }, overrides });
}

/** Where a script is held as an agent would hold it; `host` answers in place of this machine. */
export function scriptSandbox(
  config: AgentConfig,
  options: Pick<ScriptContext, "clock"> & { log: Logger; host?: HostMethods },
): Sandbox {
  const { clock, log, host = createHostMethods({ clock }) } = options;
  return new Sandbox({ host, clock, log, isolation: isolationOf(config) });
}

/** A name is one of `findScripts()`, a path is a file of the operator. Throws ScriptUsageError. */
export async function findScript(
  name_or_path: string,
  config: AgentConfig,
): Promise<ScriptFile> {
  if (/[/\\]|\.\w+$/.test(name_or_path)) {
    const name = nameOfScript(name_or_path.split(/[/\\]/).at(-1) ?? "");
    const info = await Deno.stat(name_or_path).catch(() => undefined);
    if (name !== undefined && info?.isFile) return { name, file: name_or_path, origin: "user" };
    throw new ScriptUsageError(
      info?.isFile
        ? `"${name_or_path}" is not named as a collector: a letter, then letters, digits, _ and -, ` +
          "and .ts, .js or .mjs"
        : `there is no file "${name_or_path}"`,
    );
  }
  const files = await findScripts(config);
  const found = files.find((file) => file.name === name_or_path);
  if (found !== undefined) return found;
  const begin = name_or_path.toLowerCase().slice(0, 3);
  const close = files.find(({ name }) => name.toLowerCase().startsWith(begin));
  const places = (config.metrics ?? [DEFAULT_SCRIPT_FOLDER]).join(", ");
  throw new ScriptUsageError(
    `there is no collector "${name_or_path}"${close ? `, did you mean ${close.name}?` : ""} ` +
      `(looked in ${places}${config.shipped ? " and among the shipped ones" : ""})`,
  );
}

export interface OpenScript {
  file: ScriptFile;
  version: ScriptVersion | BrokenScript;
  judged: Admission | Rejection;
  approvals: Approvals;
}

/** Looks at a script, and judges it as an agent would. Throws ScriptUsageError, ApprovalFileError. */
export async function openScript(
  name_or_path: string,
  options: { config: AgentConfig; sandbox: Sandbox },
): Promise<OpenScript> {
  const { config, sandbox } = options;
  const file = await findScript(name_or_path, config);
  using stripper = new TypeStripper();
  const version = await lookAt(file, { sandbox, stripper, apart: false, seen: undefined });
  const approvals = await readApprovals(approvalFile(config));
  const judged: Admission | Rejection = "reason" in version
    ? { state: "broken", reason: version.reason }
    : await judge(version, { config, approvals });
  return { file, version, judged, approvals };
}
