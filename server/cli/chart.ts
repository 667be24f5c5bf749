/**
 * A line chart of braille characters. One character is a grid of 2 by 4 dots, so a terminal of 80
 * columns shows about 140 points in time. Each column of dots draws the smallest to the largest
 * value of its time span: a peak of one sample stays visible however much time one column is.
 */
import { formatTime } from "./instant.ts";
import { textWidth } from "./text.ts";

export interface ChartPoint {
  at_ms: number;
  value: number;
}

export interface ChartOptions {
  /** The time shown, left to right edge. */
  from_ms: number;
  to_ms: number;
  /** Size in cells, axis labels included. */
  columns: number;
  rows: number;
  format: (value: number) => string;
}

const DOTS_ACROSS = 2;
const DOTS_DOWN = 4;
const BRAILLE_EMPTY = 0x2800;
/** Which bit of a braille character is the dot at [column][row]. */
const BRAILLE_BITS = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
/** A pause this many times the usual distance of two samples is shown as a gap. */
const GAP_FACTOR = 3;

interface Span {
  low: number;
  high: number;
  first: number;
  last: number;
}

function medianStep(points: readonly ChartPoint[]): number {
  const steps = points.slice(1)
    .map((point, index) => point.at_ms - (points[index]?.at_ms ?? 0))
    .sort((left, right) => left - right);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

/** What each column of dots covers, from the bottom row of dots (0) up. Undefined where no data is. */
function spans(
  points: readonly ChartPoint[],
  grid: { across: number; x: (point: ChartPoint) => number; y: (value: number) => number },
): (Span | undefined)[] {
  const drawn: (Span | undefined)[] = new Array(grid.across).fill(undefined);
  const gap_ms = medianStep(points) * GAP_FACTOR;
  let before: ChartPoint | undefined;
  for (const point of points) {
    const [x, y] = [grid.x(point), grid.y(point.value)];
    if (before !== undefined && point.at_ms - before.at_ms <= gap_ms) {
      // a straight line over the columns between two samples
      const [x0, y0] = [grid.x(before), grid.y(before.value)];
      for (let at = x0 + 1; at < x; at++) {
        const between = Math.round(y0 + (y - y0) * (at - x0) / (x - x0));
        drawn[at] = { low: between, high: between, first: between, last: between };
      }
    }
    const span = drawn[x];
    drawn[x] = span === undefined
      ? { low: y, high: y, first: y, last: y }
      : { ...span, low: Math.min(span.low, y), high: Math.max(span.high, y), last: y };
    before = point;
  }
  return drawn;
}

/** Closes the vertical distance between neighbouring columns, so that a jump is a line. */
function joined(drawn: readonly (Span | undefined)[]): (Span | undefined)[] {
  return drawn.map((span, index) => {
    const left = index === 0 ? undefined : drawn[index - 1];
    if (span === undefined || left === undefined) return span;
    if (left.last < span.low - 1) return { ...span, low: left.last + 1 };
    if (left.last > span.high + 1) return { ...span, high: left.last - 1 };
    return span;
  });
}

function brailleRows(drawn: readonly (Span | undefined)[], down: number): string[] {
  const cells = Array.from(
    { length: down / DOTS_DOWN },
    () => new Array<number>(Math.ceil(drawn.length / DOTS_ACROSS)).fill(BRAILLE_EMPTY),
  );
  drawn.forEach((span, x) => {
    if (span === undefined) return;
    for (let y = span.low; y <= span.high; y++) {
      const from_top = down - 1 - y;
      const row = cells[Math.floor(from_top / DOTS_DOWN)];
      const column = Math.floor(x / DOTS_ACROSS);
      const bit = BRAILLE_BITS[x % DOTS_ACROSS]?.[from_top % DOTS_DOWN] ?? 0;
      if (row !== undefined) row[column] = (row[column] ?? BRAILLE_EMPTY) | bit;
    }
  });
  return cells.map((row) => String.fromCharCode(...row));
}

function timeAxis(options: ChartOptions, columns: number): string {
  const day_ms = 86_400_000;
  const part = (at_ms: number) =>
    options.to_ms - options.from_ms <= day_ms
      ? formatTime(at_ms).slice(11)
      : formatTime(at_ms).slice(0, 16);
  const [left, right] = [part(options.from_ms), part(options.to_ms)];
  const space = columns - left.length - right.length;
  return space < 1 ? left : left + " ".repeat(space) + right;
}

/** Lines of the chart, without newlines; none when there is nothing to draw. `points` oldest first. */
export function renderChart(points: readonly ChartPoint[], options: ChartOptions): string[] {
  const shown = points.filter((point) =>
    Number.isFinite(point.value) && point.at_ms >= options.from_ms && point.at_ms <= options.to_ms
  );
  if (shown.length === 0) return [];
  let bottom = shown.reduce((low, point) => Math.min(low, point.value), Infinity);
  let top = shown.reduce((high, point) => Math.max(high, point.value), -Infinity);
  if (bottom === top) {
    // a flat line in the middle, with a scale around it
    const margin = Math.abs(top) * 0.1 || 1;
    [bottom, top] = [bottom - margin, top + margin];
  }
  const rows = Math.max(3, options.rows - 1);
  const labels = new Array<string>(rows).fill("");
  labels[0] = options.format(top);
  labels[rows - 1] = options.format(bottom);
  labels[Math.floor((rows - 1) / 2)] = options.format(
    top - (top - bottom) * Math.floor((rows - 1) / 2) / (rows - 1),
  );
  const label_cells = Math.max(...labels.map(textWidth));
  const columns = Math.max(10, options.columns - label_cells - 2);
  const [across, down] = [columns * DOTS_ACROSS, rows * DOTS_DOWN];
  const span_ms = Math.max(1, options.to_ms - options.from_ms);
  const drawn = joined(spans(shown, {
    across,
    x: (point) =>
      Math.min(across - 1, Math.floor((point.at_ms - options.from_ms) / span_ms * across)),
    y: (value) => Math.round((value - bottom) / (top - bottom) * (down - 1)),
  }));
  const lines = brailleRows(drawn, down).map((row, index) => {
    const label = labels[index] ?? "";
    return `${" ".repeat(label_cells - textWidth(label))}${label} ${
      label === "" ? "│" : "┤"
    }${row}`;
  });
  return [...lines, `${" ".repeat(label_cells + 2)}${timeAxis(options, columns)}`];
}
