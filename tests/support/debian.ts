/**
 * Programs of Debian packages that tests use when they are there: unpacked by .ci/run below dist/ci, or
 * installed. Tests that need one are skipped without it; .ci/skipped says so.
 */

const UNPACKED = new URL("../../dist/ci/debian", import.meta.url).pathname;

/** Where a program such as /usr/bin/x is, or undefined. */
export function debianProgram(path: string): string | undefined {
  return [`${UNPACKED}${path}`, path].find((place) => {
    try {
      return Deno.statSync(place).isFile;
    } catch {
      return false;
    }
  });
}
