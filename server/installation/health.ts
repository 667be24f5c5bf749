/**
 * `monitor health`: whether the server of these settings lives, or can do its work. For what looks every
 * few seconds and knows nothing but exit codes: containers, cron, scripts. It starts nothing, opens no
 * database and needs no token.
 */
import { whyUnreachable } from "../../unreachable.ts";
import { CommandError } from "../cli/failure.ts";
import { safeText } from "../cli/text.ts";
import type { Config } from "../config.ts";
import { healthSchema, readySchema } from "../wire/ready.ts";
import { askLocal, localUrl } from "./local_server.ts";

const ASK_MS_MAX = 5_000;
const HINT = "monitor doctor server says what is wrong";

/**
 * What to print when all is well.
 *
 * @throws CommandError when nobody answers, something else does, or (`ready`) the server cannot work
 */
export async function checkHealth(
  config: Pick<Config, "webapp" | "tls">,
  { ready = false }: { ready?: boolean },
): Promise<string> {
  const url = localUrl(config);
  const path = ready ? "/ready" : "/health";
  const { status, text } = await askLocal(config, path, ASK_MS_MAX).catch((error) => {
    throw new CommandError(`No server answers at ${url}`, {
      cause: whyUnreachable(error),
      hint: HINT,
    });
  });
  const answer = readJson(text);
  if (!ready && healthSchema.safeParse(answer).success) return `the server at ${url} lives`;
  const { data } = readySchema.safeParse(answer);
  if (data === undefined) {
    throw new CommandError(`What answers at ${url} is no monitor server`, {
      cause: `${path} was answered with status ${status}`,
      hint: "give the port of the server with --port, or its settings with --config",
    });
  }
  if (data.ready) return `the server at ${url} is ready`;
  const lacks = Object.entries(data.checks).filter(([, check]) => !check.ok)
    .map(([name, { why }]) => why === undefined ? name : `${name}: ${safeText(why)}`);
  throw new CommandError(`The server at ${url} cannot do its work`, {
    cause: lacks.join("; "),
    hint: HINT,
  });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
