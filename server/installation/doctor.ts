/** `monitor doctor`: checks what a person would otherwise search for, and says what to do. */
import type { Clock } from "../../clock.ts";
import { embeddedVersion } from "../../db/embedded/inspect.ts";
import type { Logger } from "../../log.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Config } from "../config.ts";
import { checkAgent } from "./agent_checks.ts";
import { type Check, checkLines, exitCodeOf, findingOf, ok, warning } from "./check.ts";
import { checkServer } from "./server_checks.ts";
import { CONFIG_FOLDER } from "./place.ts";

export interface DoctorContext {
  version: string;
  terminal: Terminal;
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
  /** The settings for the server; `file` where no option names one. Throws ConfigError. */
  readConfig: (file: string | undefined) => Promise<{ config: Config; log: Logger }>;
}

export interface DoctorOptions {
  /** Only this part. */
  part?: "server" | "agent";
  config?: string;
  agentConfig?: string;
  server?: string;
  json?: true;
}

/** Something was found that needs a hand: ends the program with exit code 1, told already. */
class ChecksFailed extends Error {
  override readonly name = "ChecksFailed";
  readonly hint = "do what stands below each of them, and run this again";
}

/** Looks, prints, and throws when something failed. */
export async function runDoctor(options: DoctorOptions, context: DoctorContext): Promise<void> {
  const { terminal, clock, env } = context;
  const checks: Check[] = [];
  const files = await filesOf(options, env);
  if (options.part !== "agent") {
    checks.push(await checkProgram(context));
    checks.push(...await serverPart(files.server, context));
  }
  if (options.part !== "server") {
    const { createLogger } = await import("../../log.ts");
    const log = createLogger({
      level: "error",
      format: "text",
      now: clock.now,
      write: terminal.err,
    });
    const { server } = options;
    checks.push(...await checkAgent({ file: files.agent, env, server, clock, log }));
  }
  if (options.json) terminal.out(`${JSON.stringify({ checks }, undefined, 2)}\n`);
  else terminal.out(`${checkLines(checks).join("\n")}\n`);
  if (exitCodeOf(checks) === 0) return;
  const count = checks.filter(({ state }) => state === "failed").length;
  throw new ChecksFailed(`${count === 1 ? "1 check" : `${count} checks`} failed`);
}

/** What is named, else what `monitor install` has written for the services. */
async function filesOf(
  options: DoctorOptions,
  env: DoctorContext["env"],
): Promise<{ server: string | undefined; agent: string | undefined }> {
  const installed = async (name: string) => {
    const path = `${CONFIG_FOLDER}/${name}`;
    return await Deno.open(path).then((file) => (file.close(), path), () => undefined);
  };
  const local = await Deno.stat("server_config.json").then(() => true, () => false);
  const server = options.config ??
    (local || env.MONITOR_CONFIG ? undefined : await installed("server_config.json"));
  const agent = options.agentConfig ??
    (env.MONITOR_AGENT_CONFIG ? undefined : await installed("agent.json"));
  return { server, agent };
}

async function serverPart(file: string | undefined, context: DoctorContext): Promise<Check[]> {
  const about = { part: "server", name: "settings" } as const;
  try {
    const { config } = await context.readConfig(file);
    const found = file ?? (context.env.MONITOR_CONFIG || "./server_config.json, if it is there");
    return [{ ...about, ...ok(found) }, ...await checkServer({ config, clock: context.clock })];
  } catch (error) {
    const finding = findingOf(error);
    if (finding === undefined) throw error;
    return [{ ...about, ...finding }];
  }
}

/** The versions of Deno this program is tested with begin here. */
const DENO_MIN = [2, 7, 11];

async function checkProgram({ version }: DoctorContext): Promise<Check> {
  const postgres = await embeddedVersion();
  const found = [
    `monitor ${version}`,
    `Deno ${Deno.version.deno}`,
    postgres === undefined ? "without a PostgreSQL of its own" : `brings PostgreSQL ${postgres}`,
    Deno.build.target,
  ].join(", ");
  const parts = Deno.version.deno.split(/[.+-]/).map(Number);
  const at = DENO_MIN.findIndex((wanted, index) => (parts[index] ?? 0) !== wanted);
  const is_old = at >= 0 && (parts[at] ?? 0) < (DENO_MIN[at] ?? 0);
  const finding = is_old ? warning(found, `use Deno ${DENO_MIN.join(".")} or newer`) : ok(found);
  return { part: "server", name: "program", ...finding };
}
