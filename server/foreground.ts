/**
 * The server, and for `up` an agent beside it, until somebody asks to stop. The agent stops first:
 * what it has collected by then is still taken.
 */
import { type Agent, startAgent } from "../agent/agent.ts";
import { agentConfigSource } from "../agent/config.ts";
import { bearer } from "../agent/credential.ts";
import { spoolDir } from "../agent/spool/settings.ts";
import { displayAddress } from "../db/address.ts";
import type { Logger } from "../log.ts";
import { UsageError } from "./cli/failure.ts";
import { type Progress, showProgress } from "./cli/progress.ts";
import { listenForStop, type StopRequest } from "./cli/signals.ts";
import { styled, type Terminal } from "./cli/terminal.ts";
import { safeText } from "./cli/text.ts";
import type { ServerContext } from "./command.ts";
import type { Config } from "./config.ts";
import { startServer } from "./serve.ts";
import type { OwnToken } from "./start_access.ts";
import { makeToken } from "../token.ts";
import { Reloader } from "./reload.ts";
import { explainStart } from "./start_failure.ts";
import { surviveLostConnections } from "./stray_failures.ts";

export interface ForegroundOptions extends ServerContext {
  config: Config;
  log: Logger;
  /** Reads the settings anew. Throws ConfigError. */
  reread: () => Config;
  /** Also report this machine, and tell the person at the terminal where to look. */
  with_agent: boolean;
}

/** Starts the server; a start that fails is told in words for its operator. */
async function start(
  options: ForegroundOptions & { own_token: OwnToken | undefined },
  stop: StopRequest,
  progress: Progress,
) {
  const { config, log, clock, version, own_token } = options;
  try {
    return await startServer({
      config,
      log,
      clock,
      version,
      own_token,
      onProgress: progress.step,
      signal: stop.signal,
    });
  } catch (error) {
    throw stop.signal.aborted ? error : explainStart(error, config);
  }
}

/** With it the agent in this process gets in, where tokens are asked for. */
function localToken({ config, with_agent }: ForegroundOptions): OwnToken | undefined {
  if (!with_agent || config.access.mode === "open") return undefined;
  const principal = { label: "the agent of this server's machine", role: "agent" } as const;
  return { text: makeToken().text, principal };
}

async function startLocalAgent(
  options: ForegroundOptions,
  { server, token }: { server: string; token: string | undefined },
): Promise<Agent> {
  const { clock, log, env, version } = options;
  const source = agentConfigSource({
    env,
    overrides: { server, ...(token === undefined ? {} : { token }) },
  });
  const config = await source.load();
  const spool_dir = spoolDir(config.spool, options.config.data_dir);
  const credential = bearer(config.token);
  return await startAgent({ config, source, spool_dir, credential, clock, log, version });
}

function dataPlace(config: Config): string {
  return config.database.kind === "embedded"
    ? config.data_dir
    : displayAddress(config.database.address);
}

/** The first lines of `up`: version, where data is, where the page is, what is collected, how to stop. */
export function firstLines(
  facts: { version: string; data: string; page: string; hostname: string; collectors: string[] },
  terminal: Pick<Terminal, "colours">,
): string[] {
  const { version, data, page, hostname, collectors } = facts;
  const collected = collectors.length === 0 ? "nothing" : collectors.join(", ");
  const row = (label: string, text: string) =>
    `${styled(terminal, "dim", label.padEnd(10))}${safeText(text)}`;
  return [
    styled(terminal, "bold", `monitor ${version}`),
    row("data", data),
    row("page", page),
    row("collects", `${collected} of this machine, "${hostname}"`),
    row("stop", "Ctrl-C"),
  ];
}

/**
 * Resolves when everything has stopped after a signal. Rejects when the start fails; then nothing
 * is left running.
 */
export async function runInForeground(options: ForegroundOptions): Promise<void> {
  const { config, log, terminal, version } = options;
  if (options.with_agent && config.tls.certificate_file !== undefined) {
    throw new UsageError(
      "up speaks plain HTTP with its own agent: take tls out of the settings, or run serve, and an " +
        "agent beside it",
    );
  }
  using _stray = surviveLostConnections(log);
  let reload = () => log.info("settings are being read already");
  using stop = listenForStop(terminal, options.clock, () => reload());
  // a log that something else reads has the steps as lines of its own kind
  const progress = options.with_agent || terminal.err_is_terminal
    ? showProgress(terminal)
    : { step: (step: string) => log.info("progress", { step }), done: () => {} };
  let started = false;
  try {
    const own_token = localToken(options);
    await using server = await start({ ...options, own_token }, stop, progress);
    const { url } = server;
    await using agent = options.with_agent
      ? await startLocalAgent(options, { server: url, token: own_token?.text })
      : undefined;
    started = true;
    progress.done();
    const reloader = new Reloader({ read: options.reread, take: server.reload, log });
    reload = () => {
      log.info("asked to read settings anew");
      void reloader.reload();
      agent?.reload();
    };
    if (agent === undefined) log.info("server is ready", { url: server.url });
    else {
      const { hostname, collectors } = agent.describe();
      const facts = {
        version,
        data: dataPlace(config),
        page: server.url,
        hostname,
        collectors: collectors.map(({ name }) => name),
      };
      terminal.out(`${firstLines(facts, terminal).join("\n")}\n`);
    }
    await stop.requested;
    progress.step("stopping");
  } catch (error) {
    // a start given up because of a signal is what was asked for; a stop that fails is not
    if (started || !stop.signal.aborted) throw error;
  } finally {
    progress.done();
  }
}
