/**
 * What a spool is, judged by what can still be read of its segments. The numbers of the reports say
 * everything: one that waits and is nowhere was lost to damage, and is counted as such. Pure.
 */
import { SeqRanges } from "./ranges.ts";
import { SpoolState } from "./state.ts";

/** A segment as it was found: numbers of its reports, and its last state. */
export interface ScannedSegment {
  seqs: readonly number[];
  state: string | undefined;
}

export interface Recovered {
  state: SpoolState;
  /** Reports that were waiting and cannot be read any more; they are counted in the state. */
  lost: number;
}

/** Segments in the order in which they were written. */
export function recoverState(segments: readonly ScannedSegment[]): Recovered {
  const on_disk = new SeqRanges();
  for (const { seqs } of segments) for (const seq of seqs) on_disk.add(seq);
  const [oldest] = on_disk.ranges;
  const state = lastState(segments) ?? SpoolState.from(oldest?.[0] ?? 1);
  state.reach(on_disk.ranges.at(-1)?.[1] ?? 0);
  const waiting = state.waitingWithin(1, state.next_seq - 1);
  const lost = waiting.filter((seq) => !on_disk.has(seq));
  state.drop(lost, "damaged", 0);
  return { state, lost: lost.length };
}

function lastState(segments: readonly ScannedSegment[]): SpoolState | undefined {
  for (const { state } of segments.toReversed()) {
    const parsed = state === undefined ? undefined : SpoolState.parse(state);
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}
