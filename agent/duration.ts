/** Durations as people write them in configurations and scripts: `10`, `"500ms"`, `"5m"`. */
import { z } from "zod";

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a number of seconds or a text with a unit; undefined when it is neither. */
export function durationMs(input: unknown): number | undefined {
  if (typeof input === "number") return Number.isFinite(input) ? input * 1_000 : undefined;
  if (typeof input !== "string") return undefined;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(input.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (UNIT_MS[match[2] ?? "s"] ?? 1_000);
}

/** "10 s", "5 min": for people. */
export function durationText(ms: number): string {
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000} min`;
  return ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`;
}

/** A zod type that reads a duration into whole milliseconds between two limits. */
export function duration(limits: { min_ms: number; max_ms: number }) {
  const right =
    `must be between ${durationText(limits.min_ms)} and ${durationText(limits.max_ms)}` +
    ', as seconds or a text such as "30s" or "5m"';
  return z.union([z.number(), z.string()], { error: right }).transform((input, context) => {
    const ms = Math.round(durationMs(input) ?? NaN);
    if (ms >= limits.min_ms && ms <= limits.max_ms) return ms;
    context.addIssue({ code: "custom", message: right });
    return z.NEVER;
  });
}
