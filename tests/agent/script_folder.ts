/** Folders of collectors made by tests. */
import { dirname } from "node:path";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

/** A temporary folder with these files: name → text. */
export async function scriptFolder(files: Record<string, string>): Promise<TempDir> {
  const dir = await tempDir();
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(dir.join(name)), { recursive: true });
    await Deno.writeTextFile(dir.join(name), text);
  }
  return dir;
}
