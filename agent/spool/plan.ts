/**
 * When a spool begins a new segment, and which old ones it gives up. Only whole segments are
 * removed, so a segment is a small part of what may be kept. Pure.
 */

export interface SpoolLimits {
  /** Of all segments together. */
  bytes_max: number;
  /** Reports that are older are given up. */
  age_ms_max: number;
}

/** What is known of a segment without reading it. */
export interface Segment {
  /** Segments are numbered in the order in which they were begun. */
  number: number;
  bytes: number;
  /** Of the reports in it; undefined when there are none. */
  span: SegmentSpan | undefined;
}

export interface SegmentSpan {
  first_seq: number;
  last_seq: number;
  oldest_at_ms: number;
  newest_at_ms: number;
}

/** Read as one piece when it is sent, so it costs memory too. */
const SEGMENT_BYTES_MAX = 1024 * 1024;
/** Segments that fit into the spool, at least: what is dropped at once is at most this part. */
const SEGMENTS_MIN = 16;
/** When nothing waits any more, a segment of this size is replaced by an empty one. */
const IDLE_BYTES_MAX = 256 * 1024;

/** Whether the segment that is being written is finished, before a report of this time is added. */
export function isSegmentDone(segment: Segment, at_ms: number, limits: SpoolLimits): boolean {
  const bytes_max = Math.min(SEGMENT_BYTES_MAX, limits.bytes_max / SEGMENTS_MIN);
  const { span } = segment;
  if (span === undefined) return false;
  return segment.bytes >= bytes_max ||
    at_ms - span.oldest_at_ms > limits.age_ms_max / SEGMENTS_MIN;
}

/** Whether the segment that is being written, whose reports are all settled, should be replaced. */
export function isSegmentIdle(segment: Segment): boolean {
  return segment.bytes >= IDLE_BYTES_MAX;
}

export interface DropOptions {
  limits: SpoolLimits;
  /** Of all segments, the one that is being written included. */
  bytes: number;
  /** About to be written. */
  incoming_bytes: number;
  now_ms: number;
  /** Reports that a request is carrying: they may be stored already. */
  held: ReadonlySet<number>;
}

/** Finished segments to give up, oldest first. */
export function segmentsToDrop(
  finished: readonly Segment[],
  options: DropOptions,
): { segment: Segment; reason: "full" | "age" }[] {
  const { limits, held, now_ms } = options;
  let bytes = options.bytes + options.incoming_bytes;
  const drops: { segment: Segment; reason: "full" | "age" }[] = [];
  for (const segment of finished) {
    const { span } = segment;
    const aged = span !== undefined && now_ms - span.newest_at_ms > limits.age_ms_max;
    const full = bytes > limits.bytes_max;
    if (!aged && !full) continue;
    const is_held = span !== undefined &&
      [...held].some((seq) => seq >= span.first_seq && seq <= span.last_seq);
    if (is_held) continue;
    bytes -= segment.bytes;
    drops.push({ segment, reason: aged ? "age" : "full" });
  }
  return drops;
}
