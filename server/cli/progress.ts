/**
 * What a long start is doing, on stderr: on a terminal one line that is rewritten and goes away
 * when all is done, elsewhere a line for each step.
 */
import { cutText, safeText } from "./text.ts";
import type { Terminal } from "./terminal.ts";

export interface Progress {
  /** A short phrase: "unpacking PostgreSQL". */
  step(step: string): void;
  /** Ends the line. Nothing is left of it on a terminal. Can be called again. */
  done(): void;
}

/** The steps of a start change a handful of times in seconds: no rate limit is needed. */
export function showProgress(terminal: Pick<Terminal, "err" | "err_is_terminal">): Progress {
  let shown = "";
  const rewrites = terminal.err_is_terminal;
  return {
    step(step) {
      if (step === shown) return;
      shown = step;
      const text = safeText(step);
      // 79: a line that fills the terminal would wrap and could not be rewritten
      terminal.err(rewrites ? `\r\x1b[K${cutText(`${text} …`, 79)}` : `${text}\n`);
    },
    done() {
      if (rewrites && shown !== "") terminal.err("\r\x1b[K");
      shown = "";
    },
  };
}
