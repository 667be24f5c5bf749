/** The line a minute in which an agent says how it is doing. Pure. */
import type { LogFields } from "../log.ts";
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
