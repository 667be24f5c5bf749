/** What an agent needs: settings, collectors that run, and a server that takes what it sends. */
import { loadAgentConfig } from "../../agent/config.ts";
import { credentialFor } from "../../agent/credential_choice.ts";
import { collectOnce } from "../../agent/once.ts";
import { askerFor } from "../../agent/server_trust.ts";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { whyUnreachable } from "../../unreachable.ts";
import { type Check, failed, type Finding, findingOf, ok, skipped, warning } from "./check.ts";
import { clockFinding } from "./server_checks.ts";

const ASK_MS_MAX = 5_000;
/** `Date` of an answer has whole seconds. */
const DATE_MS = 1_000;

type AgentConfig = Awaited<ReturnType<typeof loadAgentConfig>>;

export interface AgentCheckOptions {
  /** The agent's configuration, when one is named. */
  file?: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Of the command line. */
  server?: string;
  clock: Clock;
  log: Logger;
}

export async function checkAgent(options: AgentCheckOptions): Promise<Check[]> {
  const { file, env, server } = options;
  const checks: Check[] = [];
  const add = (name: string, finding: Finding) => checks.push({ part: "agent", name, ...finding });
  let config: AgentConfig;
  try {
    config = await loadAgentConfig({ file, env: { ...env }, overrides: { server } });
  } catch (error) {
    const finding = findingOf(error);
    if (finding === undefined) throw error;
    add("settings", finding);
    return checks;
  }
  add(
    "settings",
    ok(file ?? env.MONITOR_AGENT_CONFIG ?? "nothing but the defaults and the environment"),
  );
  // nobody has said where: then a server that is not there is no fault
  const is_named = [server, file, env.MONITOR_AGENT_SERVER, env.MONITOR_AGENT_CONFIG].some(Boolean);
  for (const [name, finding] of await checkServerOf(config, { ...options, is_named })) {
    add(name, finding);
  }
  add("collectors", await checkCollectors(config, options));
  return checks;
}

async function checkServerOf(
  config: AgentConfig,
  { clock, log, is_named }: { clock: Clock; log: Logger; is_named: boolean },
): Promise<[string, Finding][]> {
  const begun_ms = clock.now();
  const credential = await credentialFor({ config, clock, log });
  const body = "[]";
  const authorization = credential.authorization({ body, now_ms: begun_ms });
  let answer: Response;
  try {
    // an empty batch stores nothing and goes the way of every report, its token included
    const ask = await askerFor(config);
    answer = await ask(`${config.server}/metrics`, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/json",
        ...(authorization === undefined ? {} : { authorization }),
      },
      redirect: "manual",
      signal: AbortSignal.timeout(ASK_MS_MAX),
    });
    await answer.body?.cancel();
  } catch (error) {
    const trust = findingOf(error);
    if (trust !== undefined) return [["server", trust]];
    const found = `${config.server} cannot be reached: ${whyUnreachable(error)}`;
    return [[
      "server",
      is_named
        ? failed(found, "start the server there, correct the URL, or open the firewall")
        : skipped(
          `no server runs at ${config.server}`,
        ),
    ]];
  }
  const took_ms = clock.now() - begun_ms;
  const found = `${config.server} answers in ${Math.round(took_ms)} ms`;
  const isOurs = [200, 207, 400, 401, 403, 503].includes(answer.status);
  if (!isOurs) {
    const finding = failed(
      `${config.server} answers with ${answer.status}, as no monitor does`,
      "correct the URL: it must be that of the server, without /metrics",
    );
    return [["server", finding]];
  }
  const date_ms = Date.parse(answer.headers.get("date") ?? "");
  return [
    ["server", ok(found)],
    ["token", tokenFinding(answer.status, authorization !== undefined)],
    ...(Number.isNaN(date_ms) ? [] : [
      [
        "server clock",
        clockFinding(skewOf(date_ms, { begun_ms, took_ms })),
      ] satisfies [string, Finding],
    ]),
  ];
}

/** How far the server's clock is ahead, less what the whole seconds of `Date` leave open. */
export function skewOf(date_ms: number, asked: { begun_ms: number; took_ms: number }): number {
  const { begun_ms, took_ms } = asked;
  const behind_ms = begun_ms - (date_ms + DATE_MS);
  const ahead_ms = date_ms - (begun_ms + took_ms);
  return ahead_ms > 0 ? ahead_ms : behind_ms > 0 ? -behind_ms : 0;
}

function tokenFinding(status: number, has_token: boolean): Finding {
  if (status === 401 || status === 403) {
    return failed(
      has_token
        ? "the server does not take this token"
        : "the server wants a token, and there is none",
      "name the file with the right one: token_file in the agent's configuration",
    );
  }
  return ok(has_token ? "the server takes it" : "the server wants none");
}

/** Runs all of them once, as the agent would. */
async function checkCollectors(
  config: AgentConfig,
  { clock, log }: AgentCheckOptions,
): Promise<Finding> {
  let collected: Awaited<ReturnType<typeof collectOnce>>;
  try {
    collected = await collectOnce({ config, clock, log });
  } catch (error) {
    const finding = findingOf(error);
    if (finding === undefined) throw error;
    return finding;
  }
  const { metrics, failed: broken } = collected;
  if (broken.length > 0) {
    const names = broken.map(({ script, message }) => `${script} (${message})`).join("; ");
    return failed(
      `${broken.length} give no values: ${names}`,
      "monitor agent --once shows all of it",
    );
  }
  if (metrics.length === 0) {
    return warning(
      "there is nothing to collect",
      "put a collector into ./metrics, or set shipped to true",
    );
  }
  return ok(`${metrics.length} metrics from all of them`);
}
