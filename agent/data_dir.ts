/** Where an agent keeps what has to outlive it. */
import { join } from "node:path";

/** As the service of an installed agent has it; not the server's, whose database is nobody else's. */
const SYSTEM_DIR = "/var/lib/monitor-agent";
const NAME = "monitor-agent";

/** A system directory for root, else where this system keeps the data of a user's programs. */
export function defaultAgentDataDir(
  env: Readonly<Record<string, string | undefined>>,
  platform: { os: typeof Deno.build.os; uid: number | null },
): string {
  const home = env.HOME || env.USERPROFILE || ".";
  if (platform.os === "windows") {
    return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), NAME);
  }
  if (platform.uid === 0) return SYSTEM_DIR;
  if (platform.os === "darwin") return join(home, "Library", "Application Support", NAME);
  return join(env.XDG_DATA_HOME || join(home, ".local", "share"), NAME);
}
