/** A real disk that can be filled: a filesystem in memory, mounted for a test, as only root may. */
import { tempDir } from "./temp_dir.ts";

/** Mounts a filesystem of this size; undefined where that is not allowed. */
export async function smallDisk(dir: string, bytes: number): Promise<AsyncDisposable | undefined> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return undefined;
  const run = (name: string, args: string[]) =>
    new Deno.Command(name, { args, stdout: "null", stderr: "null" }).output();
  const mounted = await run("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=755`, "tmpfs", dir])
    .catch(() => undefined);
  if (!mounted?.success) return undefined;
  return { [Symbol.asyncDispose]: async () => void await run("umount", ["-l", dir]) };
}

/** Whether there can be such a disk here; .ci/skipped has the reason. */
export const CAN_MOUNT = await (async () => {
  await using dir = await tempDir();
  await using disk = await smallDisk(dir.path, 1024 * 1024);
  return disk !== undefined;
})();

/** Writes to this file until nothing more fits. */
export async function fillDisk(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const piece = new Uint8Array(1024 * 1024);
  try {
    for (;;) await file.write(piece);
  } catch (error) {
    if (!String(error).includes("No space left")) throw error;
  }
}
