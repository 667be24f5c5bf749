/**
 * A process that owns a data directory until it is killed:
 * `deno run -A embedded_owner.ts <data_dir> <directory with the program files>`.
 */
import { systemClock } from "../../clock.ts";
import { type PostgresFiles, startEmbedded } from "../../db/embedded.ts";
import { silentLogger } from "../../log.ts";

/** Program files that are unpacked already: takes milliseconds instead of copying 50 MB. */
export function linkedFiles(dir: string): PostgresFiles {
  return {
    id: "linked",
    async unpackInto(target) {
      for (const name of ["bin", "lib", "share"]) {
        await Deno.symlink(`${dir}/${name}`, `${target}/${name}`);
      }
    },
  };
}

if (import.meta.main) {
  const [data_dir = "", files_dir = ""] = Deno.args;
  const postgres = await startEmbedded({
    data_dir,
    log: silentLogger,
    clock: systemClock,
    files: linkedFiles(files_dir),
  });
  await Deno.stdout.write(new TextEncoder().encode(`${postgres.pid}\n`));
  await postgres.exited;
}
