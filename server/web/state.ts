/** How a host is, as a word, a colour and a shape: nobody has to tell colours apart. */
import type { HostGlance } from "./api.ts";

export type State = "ok" | "warning" | "critical" | "unknown" | "downtime";

export const SHAPES: Readonly<Record<State, string>> = {
  ok: "●",
  warning: "▲",
  critical: "■",
  unknown: "◌",
  downtime: "☾",
};

/** The worst first. */
export const STATES: readonly State[] = ["critical", "warning", "unknown", "downtime", "ok"];

/** Silent after this many of its own intervals, and at least so many seconds. */
const SILENT_INTERVALS = 3;
const SILENT_S_MIN = 60;

export function isSilent(host: HostGlance, now_s: number): boolean {
  if (host.last_s === null) return true;
  return now_s - host.last_s > Math.max(SILENT_S_MIN, SILENT_INTERVALS * (host.every_s ?? 0));
}

/** @param severity The worst of the host's open incidents. */
export function stateOf(
  host: HostGlance,
  now_s: number,
  severity?: "warning" | "critical",
): State {
  return severity ?? (isSilent(host, now_s) ? "unknown" : "ok");
}
