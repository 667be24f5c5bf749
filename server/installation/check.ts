/** What `monitor doctor` finds: one line each, with what to do about it. Nothing here does I/O. */

export type CheckState = "ok" | "warning" | "failed" | "skipped";

export interface Check {
  /** Of the server, or of the agent. */
  part: "server" | "agent";
  /** What was looked at: one or two words. */
  name: string;
  state: CheckState;
  /** What was found, as one line. */
  found: string;
  /** What to do, for a warning or a failure. */
  hint?: string;
}

/** A check without where it belongs, as the functions return it that make one. */
export type Finding = Pick<Check, "state" | "found" | "hint">;

export function ok(found: string): Finding {
  return { state: "ok", found };
}

export function warning(found: string, hint: string): Finding {
  return { state: "warning", found, hint };
}

export function failed(found: string, hint: string): Finding {
  return { state: "failed", found, hint };
}

/** Not looked at, and why. */
export function skipped(found: string): Finding {
  return { state: "skipped", found };
}

/** A failure that somebody else has put into words; undefined when nobody has: a mistake of ours. */
export function findingOf(error: unknown): Finding | undefined {
  if (!(error instanceof Error)) return undefined;
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : undefined;
  const told = "exit_code" in error && error.exit_code === 2;
  if (hint === undefined && !told) return undefined;
  const why = error.cause instanceof Error ? error.cause.message : error.cause;
  const found = typeof why === "string" ? `${error.message}: ${why}` : error.message;
  return failed(found.split("\n").join("; "), hint ?? "correct the settings named here");
}

/** 1 when anything failed: what the command ends with. */
export function exitCodeOf(checks: readonly Check[]): 0 | 1 {
  return checks.some(({ state }) => state === "failed") ? 1 : 0;
}

/** The states as they stand in front of a line; told by their shape, not by colour. */
const MARKS: Readonly<Record<CheckState, string>> = {
  ok: "●",
  warning: "▲",
  failed: "■",
  skipped: "◌",
};

/** Lines for people: parts, one line a check, hints below, and a sum. Without newlines. */
export function checkLines(checks: readonly Check[]): string[] {
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const lines: string[] = [];
  for (const part of ["server", "agent"] as const) {
    const of_part = checks.filter((check) => check.part === part);
    if (of_part.length === 0) continue;
    lines.push(part === "server" ? "Server" : "Agent");
    for (const { name, state, found, hint } of of_part) {
      lines.push(`  ${MARKS[state]} ${name.padEnd(width)}  ${found}`);
      if (hint !== undefined) lines.push(`    ${" ".repeat(width)}  try: ${hint}`);
    }
    lines.push("");
  }
  return [...lines, sumOf(checks)];
}

function sumOf(checks: readonly Check[]): string {
  const count = (state: CheckState) => checks.filter((check) => check.state === state).length;
  const parts = [
    [count("failed"), "failed"],
    [count("warning"), count("warning") === 1 ? "warning" : "warnings"],
    [count("skipped"), "not looked at"],
  ].filter(([number]) => number !== 0).map(([number, words]) => `${number} ${words}`);
  const checked = `${checks.length} checks`;
  return parts.length === 0 ? `${checked}, all is well` : `${checked}: ${parts.join(", ")}`;
}
