/** `monitor script list`: every collector, as an agent with these settings would have it. */
import { createLogger } from "../../log.ts";
import { escapesSandbox } from "../approvals.ts";
import type { Collector, RejectedScript } from "../collectors.ts";
import { durationText } from "../duration.ts";
import { CollectorLoader } from "../loader.ts";
import { normalPermissions, type PermissionSet, permissionsText } from "../permissions.ts";
import { sourceContext } from "../sources/source.ts";
import type { ScriptContext, ScriptOptions } from "./command.ts";
import { scriptSandbox, settingsFor } from "./open.ts";

/** One collector, as `--json` prints it. */
interface ListedCollector {
  name: string;
  /** `runs`, or why not. */
  state: "runs" | RejectedScript["state"];
  origin: Collector["origin"];
  file: string;
  every_ms?: number;
  timeout_ms?: number;
  description?: string;
  permissions?: Required<PermissionSet>;
  /** What it may do is not held by the sandbox. */
  trusted?: boolean;
  reason?: string;
  /** With `--measure`: how long a run took, or why it failed. */
  cost_ms?: number;
  error?: string;
}

export async function listScripts(
  options: ScriptOptions & { measure?: true },
  context: ScriptContext,
): Promise<void> {
  const { clock, terminal } = context;
  const config = await settingsFor(options, context);
  const log = createLogger({
    level: "error",
    format: "text",
    now: () => clock.now(),
    write: terminal.err,
  });
  await using sandbox = scriptSandbox(config, { clock, log });
  const sources = sourceContext(config, { clock, log });
  const { collectors, rejected, problems } = await new CollectorLoader({ sandbox, sources })
    .load(config);
  for (const problem of problems) terminal.err(`${problem}\n`);
  const rows: ListedCollector[] = [...collectors.map(running), ...rejected.map(notRunning)];
  rows.sort((a, b) => a.name < b.name ? -1 : 1);
  if (options.measure) {
    // One after the other: side by side they would count each other's time.
    for (const collector of collectors) {
      await using runner = collector.runner;
      const { timeout_ms } = collector;
      // The first run pays for a start that an agent pays once.
      await runner.collect({ at_ms: clock.now(), timeout_ms });
      const begin_ms = clock.monotonic();
      const outcome = await runner.collect({ at_ms: clock.now(), timeout_ms });
      const row = rows.find(({ name }) => name === collector.name);
      if (row === undefined) continue;
      row.cost_ms = Math.round((clock.monotonic() - begin_ms) * 100) / 100;
      if (outcome.kind !== "done") row.error = outcome.message;
    }
  }
  if (options.json) terminal.out(JSON.stringify({ collectors: rows }, undefined, 2) + "\n");
  else terminal.out(listLines(rows, options.measure ?? false, context).join("\n") + "\n");
}

function running(
  { name, origin, file, every_ms, timeout_ms, ...rest }: Collector,
): ListedCollector {
  return {
    name,
    state: "runs",
    origin,
    file,
    every_ms,
    timeout_ms,
    description: rest.metadata.description,
    permissions: normalPermissions(rest.permissions),
    trusted: escapesSandbox(rest.permissions),
  };
}

function notRunning({ name, state, origin, file, reason }: RejectedScript): ListedCollector {
  return { name, state, origin, file, reason };
}

/** What a script may do, for people: what escapes the sandbox is marked. */
export function grantText(permissions: PermissionSet): string {
  const text = permissionsText(permissions);
  return escapesSandbox(permissions) ? `${text} (trusted: escapes the sandbox)` : text;
}

function listLines(
  rows: readonly ListedCollector[],
  measured: boolean,
  { layoutTable, terminal }: ScriptContext,
): string[] {
  const headers = ["name", "state", "every", ...measured ? ["cost"] : [], "from", "may", ""];
  const cells = rows.map((row) => [
    row.name,
    row.state,
    row.every_ms === undefined ? "-" : durationText(row.every_ms),
    ...measured ? [row.cost_ms === undefined ? "-" : `${row.cost_ms} ms`] : [],
    row.origin,
    row.permissions === undefined ? "-" : grantText(row.permissions),
    row.error ?? row.reason ?? row.description ?? "",
  ]);
  const columns = headers.map((header) => ({ header }));
  // What to do about a refused script is in its reason: it is told whole, below the table.
  const refused = rows.filter(({ state }) => state === "refused" || state === "broken")
    .map(({ name, reason = "" }) => `${name}: ${reason}`);
  const table = layoutTable({ columns, rows: cells }, terminal.columns);
  return Number.isFinite(terminal.columns) && refused.length > 0
    ? [...table, "", ...refused]
    : table;
}
