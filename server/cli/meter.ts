/**
 * How far long work is: what, how much of it, how fast, how long still. One line on stderr that is
 * rewritten; where stderr is no terminal, nothing (what was done is told at the end by the command).
 */
import type { Clock } from "../../clock.ts";
import type { Terminal } from "./terminal.ts";
import { cutText, safeText, textWidth } from "./text.ts";
import { formatValue } from "./value.ts";

/** Often enough to look alive; drawing costs nothing beside the work. */
const REDRAW_MS = 200;
/** The rate is that of this long: a single slow answer does not make it jump. */
const RATE_MS = 10_000;
const BAR_CELLS = 20;

export interface MeterState {
  /** How many of the unit are done. */
  done: number;
  /** The part that is done, 0 to 1, where it is known. */
  fraction?: number;
  /** What is done just now: a host, a day, why it waits. */
  note?: string;
}

export interface Meter {
  update(state: MeterState): void;
  /** Ends the line. Nothing is left of it. Can be called again. */
  done(): void;
}

/** `3 s`, `5 min`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} d`;
}

/** A number of things for people: 950, 12.3k, 4M. */
export function formatCount(count: number): string {
  return count < 10_000 ? String(Math.round(count)) : formatValue(count);
}

function bar(fraction: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, fraction)) * BAR_CELLS);
  return "█".repeat(full) + "░".repeat(BAR_CELLS - full);
}

/** `rate` is per second, `left_ms` undefined where it is not known. */
export function meterLine(
  state: MeterState & { label: string; unit: string; rate: number; left_ms: number | undefined },
  columns: number,
): string {
  const { label, unit, done, fraction, rate, left_ms, note } = state;
  const parts = [
    label,
    ...(fraction === undefined
      ? []
      : [`${bar(fraction)} ${String(Math.floor(fraction * 100)).padStart(3)} %`]),
    `${formatCount(done)} ${unit}`,
    `${formatCount(rate)}/s`,
    ...(left_ms === undefined ? [] : [`${formatDuration(left_ms)} left`]),
  ];
  const line = parts.join("  ");
  const room = columns - textWidth(line) - 2;
  return cutText(note && room > 8 ? `${line}  ${cutText(safeText(note), room)}` : line, columns);
}

/** Shows a meter until `done`. `label` is what is done, `unit` what is counted. */
export function showMeter(
  terminal: Pick<Terminal, "err" | "err_is_terminal" | "columns">,
  options: { label: string; unit: string; clock: Clock },
): Meter {
  const { label, unit, clock } = options;
  if (!terminal.err_is_terminal) return { update: () => {}, done: () => {} };
  // a line that fills the terminal would wrap and could not be rewritten
  const columns = Math.min(terminal.columns, 100) - 1;
  const marks = [{ at_ms: clock.monotonic(), done: 0, fraction: 0 }];
  let drawn_ms = -Infinity;
  return {
    update(state) {
      const at_ms = clock.monotonic();
      if (at_ms - drawn_ms < REDRAW_MS) return;
      drawn_ms = at_ms;
      marks.push({ at_ms, done: state.done, fraction: state.fraction ?? 0 });
      while (marks.length > 2 && at_ms - (marks[0]?.at_ms ?? at_ms) > RATE_MS) marks.shift();
      const first = marks[0] ?? { at_ms, done: 0, fraction: 0 };
      const passed_ms = Math.max(1, at_ms - first.at_ms);
      const rate = (state.done - first.done) / passed_ms * 1000;
      const pace = ((state.fraction ?? 0) - first.fraction) / passed_ms;
      const left_ms = state.fraction === undefined || pace <= 0
        ? undefined
        : (1 - state.fraction) / pace;
      terminal.err(`\r\x1b[K${meterLine({ ...state, label, unit, rate, left_ms }, columns)}`);
    },
    done() {
      if (drawn_ms > -Infinity) terminal.err("\r\x1b[K");
      drawn_ms = -Infinity;
    },
  };
}
