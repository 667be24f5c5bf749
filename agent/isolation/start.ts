/** How this program starts itself once more, without a person's command. */
import { fileURLToPath } from "node:url";

/** First argument of a process of collectors; the walls it was given follow, as JSON. */
export const HOLD_ARGUMENT = "--hold-scripts";
/** First argument of the process that builds walls around itself and then becomes the one above. */
export const CONFINE_ARGUMENT = "--confine-scripts";

/** As tools/compile.ts bakes them into the executable. */
const V8_FLAGS = [
  "--single-threaded-gc",
  "--max-semi-space-size=8",
  "--disallow-code-generation-from-strings",
];

export interface ProgramStart {
  path: string;
  args: string[];
  /** Files and folders it is made of. */
  files: string[];
}

/**
 * The program to be started with these arguments of ours. From source, only isolation/entry.ts is
 * started, which needs no library, no configuration and nothing of Deno's cache: a user who may not
 * read the cache can run it.
 */
export function programStart(args: readonly string[]): ProgramStart {
  const path = Deno.execPath();
  if (Deno.build.standalone) return { path, args: [...args], files: [path] };
  const entry = fileURLToPath(new URL("./entry.ts", import.meta.url));
  const flags = [
    ...["--quiet", "--allow-all", "--no-config", "--no-lock", "--no-npm", "--no-remote"],
    ...["--unstable-worker-options", `--v8-flags=${V8_FLAGS.join(",")}`],
  ];
  return {
    path,
    args: ["run", ...flags, entry, ...args],
    files: [path, fileURLToPath(new URL("../", import.meta.url))],
  };
}
