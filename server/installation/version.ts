/** `monitor version`: what this program is made of, for a person or a bug report. */
import { embeddedVersion } from "../../db/embedded/inspect.ts";
import { readMigrations } from "../../db/migration_files.ts";

/** What `--json` prints. */
export interface VersionReport {
  version: string;
  /** Whether it is one executable; otherwise it is run from its source. */
  executable: boolean;
  target: string;
  deno: string;
  v8: string;
  typescript: string;
  /** The PostgreSQL it brings; null when it was built without one. */
  postgres: string | null;
  /** The number of the newest migration: two versions with the same one share databases. */
  schema: number;
}

export async function versionReport(version: string): Promise<VersionReport> {
  const { deno, v8, typescript } = Deno.version;
  return {
    version,
    executable: Deno.build.standalone,
    target: Deno.build.target,
    deno,
    v8,
    typescript,
    postgres: await embeddedVersion() ?? null,
    schema: (await readMigrations()).length,
  };
}

/** The same for people, without a newline at the end. */
export function versionText(report: VersionReport): string {
  const { version, executable, target, deno, v8, postgres, schema } = report;
  const rows = [
    ["program", `${executable ? "executable" : "source"}, ${target}`],
    ["runtime", `Deno ${deno}, V8 ${v8}`],
    ["database", postgres === null ? "none of its own" : `PostgreSQL ${postgres}`],
    ["schema", String(schema)],
  ];
  return [
    `monitor ${version}`,
    ...rows.map(([name = "", text]) => `${name.padEnd(10)}${text}`),
  ].join("\n");
}
