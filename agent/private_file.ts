/** Files that nobody but the agent's user reads: replaced as one, so that a crash leaves the old one. */
import { basename, dirname, join } from "node:path";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Root leaves the file to the owner of its folder, who runs the agent. Throws what the system says. */
export async function writePrivately(file: string, text: string): Promise<void> {
  const folder = dirname(file);
  const fresh = join(folder, `.${basename(file)}.${crypto.randomUUID()}`);
  try {
    await Deno.mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    await Deno.writeTextFile(fresh, text, { mode: FILE_MODE, createNew: true });
    if (Deno.uid() === 0) {
      const { uid, gid } = await Deno.stat(folder);
      await Deno.chown(fresh, uid, gid);
    }
    await Deno.rename(fresh, file);
  } catch (error) {
    await Deno.remove(fresh).catch(() => {});
    throw error;
  }
}
