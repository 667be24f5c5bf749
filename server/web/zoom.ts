/** Zooming: all charts of a page show the time that was dragged over, until somebody goes back. */
import { isLive, type Range, type Span } from "./range.ts";
import { range, setQuery } from "./route.ts";

/** Less cannot be seen. */
const SPAN_S_MIN = 2;
/** What was shown before the first of several zooms. */
let before: Range | undefined;

/** Zooms all charts; the browser's back goes back one step. */
export function zoomTo({ from_s, to_s }: Span): void {
  const middle_s = (from_s + to_s) / 2;
  const half_s = Math.max(to_s - from_s, SPAN_S_MIN) / 2;
  showSpan({ from_s: middle_s - half_s, to_s: middle_s + half_s });
}

/** Shows the time between two moments, which does not move. */
export function showSpan({ from_s, to_s }: Span): void {
  if (isLive(range.value)) before = range.value;
  setQuery({ from: from_s.toFixed(1), to: to_s.toFixed(1) });
}

/** Back to what moves with time: what was shown before zooming, or the last hour. */
export function resumeLive(): void {
  if (!isLive(range.value)) setQuery({ from: before?.from, to: undefined });
}
