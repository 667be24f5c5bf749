/**
 * What a script finds in its Worker, before any script is there: ways in which one could speak for
 * another, or end the Worker for all, are taken away, and lines for the console are counted.
 *
 * This keeps scripts of the same Worker apart. What keeps them out of the machine is the Worker's
 * permissions and the walls around its process, not this file.
 */

/** Lines of a run that are passed on; the others are dropped where they arise. */
const CONSOLE_LINES_MAX = 20;
const CONSOLE_LEVELS = ["debug", "log", "info", "warn", "error", "trace", "dir", "table"];

/** Gone, since nothing of a collector needs them. */
const CLOSED = ["postMessage", "close", "onmessage", "Worker", "SharedWorker"];

export interface Doors {
  /** Another run begins: it may print lines of its own. */
  nextRun(): void;
}

/** Closes them. `print` gets what scripts say to the console. */
export function closeDoors(print: (message: string) => void): Doors {
  for (const name of CLOSED) Object.defineProperty(globalThis, name, { value: undefined });
  Object.defineProperty(Deno, "exit", { value: refusing("Deno.exit()") });
  let lines = 0;
  const say = (...values: unknown[]) => {
    if (lines++ < CONSOLE_LINES_MAX) print(values.join(" "));
  };
  for (const level of CONSOLE_LEVELS) Object.defineProperty(console, level, { value: say });
  return { nextRun: () => void (lines = 0) };
}

function refusing(what: string): () => never {
  return () => {
    throw new Error(`${what} is not for collectors`);
  };
}
