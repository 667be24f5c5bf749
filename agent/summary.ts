/** What an agent says once a minute about how it is doing. */
import type { LogFields, Logger } from "../log.ts";
import type { OwnNumbers } from "./own_metrics.ts";

export type SummarySource = Pick<OwnNumbers, "outbox" | "sender" | "ticks_missed"> & {
  script_errors_total: number;
  /** Time of all collectors since the start. */
  scripts_ms_total: number;
};

/** What happened between two moments; what did not happen is left out, except what is expected to. */
export function summaryFields(before: SummarySource, after: SummarySource): LogFields {
  const more = (count: (of: SummarySource) => number) => count(after) - count(before);
  const unlessZero = (count: number) => count === 0 ? undefined : count;
  const dropped = ({ outbox }: SummarySource) =>
    Object.values(outbox.dropped).reduce((sum, count) => sum + count, 0);
  const { outbox, sender } = after;
  return {
    collected: more((of) => of.outbox.collected),
    sent: more(({ outbox }) => outbox.stored + outbox.duplicate + outbox.refused),
    samples: more((of) => of.outbox.samples),
    waiting: outbox.waiting,
    spool_bytes: outbox.bytes,
    send_ms: Math.round(sender.send_ms),
    scripts_ms: Math.round(more((of) => of.scripts_ms_total)),
    refused: unlessZero(more((of) => of.outbox.refused)),
    dropped: unlessZero(more(dropped)),
    requests_failed: unlessZero(more((of) => of.sender.requests_failed)),
    script_errors: unlessZero(more((of) => of.script_errors_total)),
    ticks_missed: unlessZero(more((of) => of.ticks_missed)),
    clock_offset_ms: sender.clock_offset_ms,
    on_disk: outbox.on_disk ? undefined : false,
  };
}

/** Samples of a machine whose clock is this wrong stand in the wrong place of every chart. */
const CLOCK_OFFSET_MS_MAX = 30_000;

/** Tells once when this machine's clock and the server's differ, and once when they do not any more. */
export class ClockWatch {
  #wrong = false;

  tell(clock_offset_ms: number | undefined, log: Logger): void {
    const wrong = Math.abs(clock_offset_ms ?? 0) > CLOCK_OFFSET_MS_MAX;
    if (wrong && !this.#wrong) {
      log.warn("This machine's clock is not the server's; samples carry this machine's time", {
        clock_offset_ms,
        hint: "Let NTP set both",
      });
    } else if (!wrong && this.#wrong) log.info("The clocks agree again", { clock_offset_ms });
    this.#wrong = wrong;
  }
}

/** A minute begins: tells so once for each, and not for the one in which the agent was started. */
export class Minutes {
  #minute: number | undefined;

  begins(at_ms: number): boolean {
    const minute = Math.floor(at_ms / 60_000);
    const begins = this.#minute !== undefined && minute !== this.#minute;
    this.#minute = minute;
    return begins;
  }
}
