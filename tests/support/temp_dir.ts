/** `await using dir = await tempDir()`: a directory of its own for a test, removed at its end. */
import { join } from "node:path";

export interface TempDir extends AsyncDisposable {
  readonly path: string;
  /** A path below the directory. */
  join(...names: string[]): string;
}

export async function tempDir(): Promise<TempDir> {
  const path = await Deno.makeTempDir({ prefix: "monitor-test-" });
  // tests run by root start PostgreSQL as another user, which has to get through
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o711);
  return {
    path,
    join: (...names) => join(path, ...names),
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
    },
  };
}
