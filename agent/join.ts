/**
 * Gets the agent a token of its own by a join code. The agent makes the token itself and writes it
 * down before it asks, so that neither a lost answer nor a crash takes a second use of the code.
 * Until the server has agreed, reports wait in the spool.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { joinCodeNameOf, makeToken } from "../token.ts";
import { whyUnreachable } from "../unreachable.ts";
import { backoffMs, retryAfterMs } from "./backoff.ts";
import type { AgentConfig } from "./config.ts";
import {
  type JoinedToken,
  keepAskedToken,
  readAskedToken,
  writeAskedToken,
} from "./joined_token.ts";
import { post } from "./post.ts";
import type { ServerAnswer } from "./server_answer.ts";
import { ServerChoice, serversFor } from "./server_choice.ts";
import type { Ask } from "./server_trust.ts";

export interface JoinOptions {
  config: Pick<
    AgentConfig,
    "server" | "other_servers" | "hostname" | "data_dir" | "request_timeout"
  >;
  /** The code as it is now: whoever runs the agent may write another one into its file. */
  readCode: () => Promise<string>;
  clock: Clock;
  log: Logger;
  ask: Ask;
  /** In [0, 1), for jitter. Default: Math.random. */
  random?: () => number;
}

/** A code that was refused is not shown again before this: it would count as guessing. */
const REFUSED_MS = 300_000;

export type JoinVerdict =
  | { kind: "joined" }
  /** A person has to do something. */
  | { kind: "refused"; reason: string; hint: string }
  | { kind: "retry"; reason: string; retry_after_ms?: number };

/** What an answer to `POST /api/v1/join` means. Pure. */
export function joinVerdict(answer: ServerAnswer, now_ms: number): JoinVerdict {
  const { status, body } = answer;
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    // not ours: a proxy, a sign-in page
  }
  const reply: Record<string, unknown> = typeof said === "object" && said !== null
    ? { ...said }
    : {};
  if (status === 201 && typeof reply.name === "string") return { kind: "joined" };
  const reason = `${status}${typeof reply.error === "string" ? ` ${reply.error}` : ""}`;
  if (status === 401 || status === 403) {
    const hint = "Start the agent with another code, or write one into the file of join_code_file";
    return { kind: "refused", reason, hint };
  }
  const is_temporary = status >= 500 || status === 408 || status === 425 || status === 429;
  if (!is_temporary) {
    const hint = "Check the server's URL, and whether it is older than this agent: it lets no " +
      "agents join at /api/v1/join";
    return { kind: "refused", reason, hint };
  }
  const retry_after_ms = retryAfterMs(answer.retry_after, now_ms);
  return { kind: "retry", reason, ...(retry_after_ms === undefined ? {} : { retry_after_ms }) };
}

/** Asks until the server agrees: then it is the agent's token. Undefined when aborted before. */
export async function joinServer(
  options: JoinOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { config, clock, log, random = Math.random } = options;
  const servers = new ServerChoice(
    serversFor(config.hostname, [config.server, ...config.other_servers ?? []]),
  );
  const state: Asked = {};
  let failures = 0;
  let told = "";
  while (!signal.aborted) {
    const server = servers.at(clock.monotonic());
    const verdict = await attempt(options, { state, server, signal });
    if (verdict.kind === "joined") {
      log.info("Agent has joined, and has a token of its own", { server });
      return state.token?.token;
    }
    if (signal.aborted) break;
    failures += 1;
    const is_refused = verdict.kind === "refused";
    const is_another_left = servers.failed(clock.monotonic()) && !is_refused;
    const retry_after_ms = is_refused ? REFUSED_MS : verdict.retry_after_ms;
    const wait_ms = is_another_left ? 0 : backoffMs(failures, { random, retry_after_ms });
    const { reason } = verdict;
    // the same trouble is told once
    const write = reason === told ? log.debug : is_refused ? log.error : log.warn;
    told = reason;
    write("Cannot join; reports are kept until the agent has a token", {
      ...{ server, reason },
      ...(is_refused ? { hint: verdict.hint } : {}),
      next_try_ms: wait_ms,
    });
    await clock.sleep(wait_ms, signal);
  }
  return undefined;
}

/** What was last asked for, and is written down. */
interface Asked {
  token?: JoinedToken;
}

async function attempt(
  options: JoinOptions,
  { state, server, signal }: {
    state: Asked;
    server: string;
    signal: AbortSignal;
  },
): Promise<JoinVerdict> {
  const { config: { hostname, data_dir, request_timeout }, clock, ask } = options;
  let code: string;
  try {
    code = await options.readCode();
  } catch (error) {
    const hint = "Write the code into this file, or give another one";
    return { kind: "refused", reason: `Cannot read the join code: ${whyUnreachable(error)}`, hint };
  }
  const name = joinCodeNameOf(code);
  if (name === undefined) {
    const hint =
      "Copy all of what monitor token join-code has printed: join_, 8 letters, _ and 43 " +
      "characters";
    return { kind: "refused", reason: "The join code is none", hint };
  }
  try {
    const before = state.token ?? await readAskedToken(data_dir);
    const is_same = before?.code === name && before.hostname === hostname;
    const asked = is_same ? before : { token: makeToken().text, code: name, hostname };
    if (!is_same) await writeAskedToken(data_dir, asked);
    state.token = asked;
    const body = JSON.stringify({ code, hostname, token: asked.token });
    const rest = { server, timeout_ms: request_timeout, compress: false, clock, ask, signal };
    const verdict = joinVerdict(await post("/api/v1/join", body, rest), clock.now());
    if (verdict.kind === "joined") await keepAskedToken(data_dir);
    return verdict;
  } catch (error) {
    return { kind: "retry", reason: whyUnreachable(error) };
  }
}
