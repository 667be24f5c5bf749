/** Starts a process of collectors: with which program, environment and pipes. */
import type { ProcessSettings } from "./settings.ts";
import type { ConfineOrder } from "./messages.ts";
import { CONFINE_ARGUMENT, HOLD_ARGUMENT, programStart } from "./start.ts";
import { scriptUser } from "./user.ts";
import { grantedVariables, type Grants } from "./walls.ts";

/** What it says before it starts is kept so far. */
const WORDS_CHARS_MAX = 2_000;

/** Asked for is not used, and the agent's own limit is the one that names a script: it should come first. */
const LIDS = 2;

/** No secret, and needed to speak TLS with the certificates of the place. */
const COMMON_VARIABLES = [
  ...["TZ", "LANG", "LC_ALL", "DENO_TLS_CA_STORE", "DENO_CERT"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"],
];
/** Programs that a trusted script starts find what they expect; the agent's own settings are not that. */
const OWN_VARIABLES = /^MONITOR_/;

export interface SpawnedKeeper {
  child: Deno.ChildProcess;
  /** What it wrote to stderr, for when it does not start. Never rejects. */
  words: Promise<string>;
  /** What it waits for before anything else. */
  order?: ConfineOrder;
}

/**
 * Starts it; it will say that it is ready, or end. On Linux it builds walls around itself first, which
 * it is told in a first frame; one that holds trusted scripts has none.
 */
export function spawnKeeper(grants: Grants, settings: ProcessSettings): SpawnedKeeper {
  const walled = Deno.build.os === "linux" && !grants.trusted;
  const { path, args, files } = programStart([walled ? CONFINE_ARGUMENT : HOLD_ARGUMENT]);
  const child = new Deno.Command(path, {
    args,
    clearEnv: true,
    env: environmentFor(grants),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // Ctrl-C is for the agent; and it leads a group, so that all of it can be ended
    detached: Deno.build.os !== "windows",
  }).spawn();
  const spawned = { child, words: firstWords(child.stderr) };
  if (!walled) return spawned;
  const is_root = Deno.uid() === 0;
  const order: ConfineOrder = {
    grants,
    landlock: settings.landlock,
    lid_bytes: LIDS * settings.memory_bytes_max,
    is_root,
    user: is_root ? scriptUser(files) : undefined,
  };
  return { ...spawned, order };
}

/** Only what its scripts may see: an environment is full of secrets. */
function environmentFor(grants: Grants): Record<string, string> {
  const all = Deno.env.toObject();
  const names = grants.trusted ? true : grants.env;
  return {
    // no cache: what is started from source needs none, and may belong to another user
    ...(Deno.build.standalone ? {} : { DENO_DIR: "/dev/null/none" }),
    DENO_NO_UPDATE_CHECK: "1",
    ...grantedVariables(COMMON_VARIABLES, all),
    ...Object.fromEntries(
      Object.entries(grantedVariables(names, all)).filter(([name]) => !OWN_VARIABLES.test(name)),
    ),
  };
}

async function firstWords(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let words = "";
  try {
    for await (const piece of stream) {
      if (words.length < WORDS_CHARS_MAX) words += decoder.decode(piece, { stream: true });
    }
  } catch {
    // the process was ended: what it said so far is what there is
  }
  return words.slice(0, WORDS_CHARS_MAX).trim();
}
