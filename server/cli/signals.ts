/** Being asked to stop, or to read settings anew: Ctrl-C, `kill`, a terminal that is closed. */
import { type Clock, systemClock } from "../../clock.ts";
import type { Terminal } from "./terminal.ts";

/** Windows knows only the first of them. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** What shells report for a program ended by Ctrl-C. */
const EXIT_CODE_INTERRUPTED = 130;

export interface StopRequest extends Disposable {
  /** Aborted at the first signal. */
  readonly signal: AbortSignal;
  /** Resolves at the first signal. */
  readonly requested: Promise<void>;
}

/**
 * One Ctrl-C arrives several times: the terminal sends it to every program in front, and `npx` and
 * `deno task` pass on what they got, some milliseconds later.
 */
const SAME_PRESS_MS = 1_000;

/** Requests under way when somebody asks to stop get this long. */
const GRACE_MS = 5_000;

/** Aborted some seconds after `stop`: what is under way by then is not waited for any longer. */
export function graceAfter(stop: StopRequest, clock: Clock): AbortSignal {
  const over = new AbortController();
  void stop.requested.then(() => clock.sleep(GRACE_MS)).then(() => over.abort());
  return over.signal;
}

/**
 * Listens until disposed. The first signal asks for an orderly stop; a second one ends the process
 * at once, for the person who sees that something hangs.
 *
 * With `onHangup` SIGHUP asks for that in place of a stop; but not at a terminal, where it says that
 * the terminal was closed.
 */
export function listenForStop(
  terminal: Pick<Terminal, "err" | "err_is_terminal">,
  clock: Pick<Clock, "monotonic"> = systemClock,
  onHangup?: () => void,
): StopRequest {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  let first_ms: number | undefined;
  const stop = () => {
    if (first_ms === undefined) {
      first_ms = clock.monotonic();
      controller.abort();
      resolve();
    } else if (clock.monotonic() - first_ms >= SAME_PRESS_MS) {
      // a line that shows progress has no end yet
      const line = terminal.err_is_terminal ? "\r\x1b[K" : "";
      terminal.err(`${line}Ended at once; the next start recovers what was under way\n`);
      Deno.exit(EXIT_CODE_INTERRUPTED);
    }
  };
  const hangup = onHangup === undefined || terminal.err_is_terminal ? stop : onHangup;
  const listeners = SIGNALS.map((signal) => [signal, signal === "SIGHUP" ? hangup : stop] as const);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    signal: controller.signal,
    requested: promise,
    [Symbol.dispose]: () => {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
