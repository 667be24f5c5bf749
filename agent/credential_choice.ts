/**
 * Which credential the settings mean: a token they name; else one that the agent has got by a join
 * code before; else one that it gets by the code they name. Another code than before means: join anew.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { joinCodeNameOf } from "../token.ts";
import { type AgentConfig, AgentConfigError } from "./config.ts";
import { bearer, type Credential, signing } from "./credential.ts";
import { joinServer } from "./join.ts";
import { type JoinedToken, readJoinedToken } from "./joined_token.ts";
import { askerFor } from "./server_trust.ts";

export interface CredentialOptions {
  config: AgentConfig;
  clock: Clock;
  log: Logger;
}

/** Throws AgentConfigError when a file of the settings cannot be used. */
export async function credentialFor(options: CredentialOptions): Promise<Credential> {
  const { config } = options;
  const log = options.log.with({ component: "join" });
  if (config.token !== undefined) return showing(config.token, config);
  const known = await knownToken(options);
  const { join_code, join_code_file } = config;
  const readCode = join_code !== undefined
    ? () => Promise.resolve(join_code.trim())
    : join_code_file !== undefined
    ? async () => (await Deno.readTextFile(join_code_file)).trim()
    : undefined;
  if (known?.hostname === config.hostname) {
    // a file that is gone was needed only once
    const code = await readCode?.().catch(() => undefined);
    const name = code === undefined ? undefined : joinCodeNameOf(code);
    if (name === undefined || name === known.code) return showing(known.token, config);
  }
  if (readCode === undefined) return bearer(undefined);
  return joining({ ...options, log }, readCode);
}

/** Sends the token, or signs by it. */
function showing(token: string, { sign }: AgentConfig): Credential {
  const credential = sign ? signing(token) : bearer(token);
  if (credential !== undefined) return credential;
  throw new AgentConfigError([
    "sign needs a token as monitor token create prints it (mon_…), all of it: this one is none",
  ]);
}

async function knownToken({ config, log }: CredentialOptions): Promise<JoinedToken | undefined> {
  const { data_dir } = config;
  try {
    return await readJoinedToken(data_dir);
  } catch (error) {
    log.error("The agent's token in its data directory cannot be read", { data_dir, error });
    return undefined;
  }
}

function joining(
  { config, clock, log }: CredentialOptions,
  readCode: () => Promise<string>,
): Credential {
  let shown = bearer(undefined);
  return {
    ready: async (signal) => {
      const ask = await askerFor(config);
      const token = await joinServer({ config, readCode, clock, log, ask }, signal);
      if (token !== undefined) shown = showing(token, config);
      return token !== undefined;
    },
    authorization: (request) => shown.authorization(request),
  };
}
