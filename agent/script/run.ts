/** `monitor script run NAME`: one collector, once, with everything that is known of the run. */
import { createLogger } from "../../log.ts";
import { linkScript } from "../link.ts";
import type { AgentConfig } from "../config.ts";
import { type CollectedSeries, onceTable, shownSeries } from "../once.ts";
import { type PermissionSet, permissionsText } from "../permissions.ts";
import type { Runner } from "../runner.ts";
import type { Sandbox } from "../sandbox.ts";
import { scriptRunner } from "../script_runner.ts";
import { sourceContext } from "../sources/source.ts";
import { TypeStripper } from "../strip.ts";
import { findSources } from "../sources/sources.ts";
import type { ScriptContext, ScriptOptions } from "./command.ts";
import { type Denial, denialsIn, denialText, watchedDenial, WATCHING } from "./denials.ts";
import { ScriptFailure } from "./failure.ts";
import { grantText } from "./list.ts";
import { openScript, scriptSandbox, settingsFor } from "./open.ts";

/** As `--json` prints it. */
interface ScriptRun {
  script: string;
  file: string;
  ok: boolean;
  metrics: CollectedSeries[];
  /** Why there are no values. */
  error?: string;
  time_ms: number;
  /**
   * What its process occupies, which is what `script_memory_bytes` limits; of a shipped collector, how
   * much more the program took than before it made a place for it.
   */
  memory_bytes: number;
  permissions: PermissionSet;
  denied: Denial[];
  /** What it wrote to the console. */
  printed: string[];
}

/** Something that can be run once. */
interface Candidate {
  name: string;
  file: string;
  permissions: PermissionSet;
  timeout_ms: number;
  runner: Runner;
}

const KIB = 1024;

export async function runScript(
  name: string,
  options: ScriptOptions,
  context: ScriptContext,
): Promise<void> {
  const { terminal } = context;
  const config = await settingsFor(options, context);
  const run = await runOnce(name, config, context);
  if (options.json) terminal.out(JSON.stringify(run, undefined, 2) + "\n");
  else {
    terminal.out(onceTable(run));
    terminal.err(runText(run));
  }
  if (run.ok) return;
  const [denied] = run.denied;
  throw new ScriptFailure(`${run.script} gave no values`, {
    cause: run.error,
    hint: denied === undefined
      ? `repair ${run.file}`
      : `declare what it needs: permissions: { ${denied.sort}: [${JSON.stringify(denied.value)}] }`,
  });
}

async function runOnce(
  name: string,
  config: AgentConfig,
  { clock }: ScriptContext,
): Promise<ScriptRun> {
  const printed: string[] = [];
  const stray: string[] = [];
  const denials: string[] = [];
  const log = createLogger({
    level: "debug",
    format: "json",
    now: () => clock.now(),
    write: (line) => {
      const { level, msg, message } = JSON.parse(line);
      if (msg === "Collector printed") {
        const denial = watchedDenial(String(message));
        if (denial === undefined) printed.push(String(message));
        else denials.push(denial);
      } else if (level === "warn") stray.push(`${msg}: ${message ?? ""}`);
    },
  });
  const before_bytes = Deno.memoryUsage().rss;
  await using sandbox = scriptSandbox(config, { clock, log });
  const sources = await findSources(config, sourceContext(config, { clock, log }));
  const other = sources.collectors.find((collector) => collector.name === name);
  const candidate = other ?? await admitted(name, { config, sandbox });
  await using runner = candidate.runner;
  const { timeout_ms, permissions, file } = candidate;
  const begin_ms = clock.monotonic();
  const outcome = await runner.collect({ at_ms: clock.now(), timeout_ms });
  const time_ms = Math.round((clock.monotonic() - begin_ms) * 100) / 100;
  const memory_bytes = sandbox.processBytes() ??
    Math.max(0, Deno.memoryUsage().rss - before_bytes);
  const metrics = outcome.kind === "done" ? shownSeries(outcome.series, runner) : [];
  const error = outcome.kind === "done" ? undefined : outcome.message;
  const remarks = metrics.map(({ message = "" }) => message);
  const said = [error ?? "", ...denials, ...remarks, ...printed, ...stray];
  return {
    script: candidate.name,
    file,
    ok: error === undefined,
    metrics,
    error,
    time_ms,
    memory_bytes,
    permissions,
    denied: denialsIn(said),
    printed: [...printed, ...stray],
  };
}

/** The script, ready to run as an agent would run it. Throws ScriptFailure when that would not. */
async function admitted(
  name_or_path: string,
  options: { config: AgentConfig; sandbox: Sandbox },
): Promise<Candidate> {
  const { sandbox } = options;
  const { file: { name, file, origin }, version, judged } = await openScript(name_or_path, options);
  if ("reason" in version || "reason" in judged) {
    const reason = "reason" in judged ? judged.reason : "";
    const state = "state" in judged ? judged.state : "broken";
    throw new ScriptFailure(`${name} is not run`, {
      cause: reason,
      hint: {
        broken: `repair ${file}`,
        refused: `allow it as said, or let it declare less`,
        elsewhere: "run it on a machine that has what it needs",
        off: "change the agent's settings",
      }[state],
    });
  }
  const { metadata } = version;
  using stripper = new TypeStripper();
  const { text } = await linkScript(file, { stripper, prelude: WATCHING });
  const { permissions, timeout_ms } = judged;
  sandbox.admit({ name, origin, text, options: judged.options }, permissions);
  sandbox.trim();
  const runner = scriptRunner({ name, metadata }, { sandbox });
  return { name, file: String(file), permissions, timeout_ms, runner };
}

function runText(run: ScriptRun): string {
  const { time_ms, memory_bytes, permissions, denied, printed } = run;
  const memory = memory_bytes < KIB * KIB
    ? `${Math.round(memory_bytes / KIB)} KiB`
    : `${(memory_bytes / KIB / KIB).toFixed(1)} MiB`;
  const may = permissionsText(permissions) === "none"
    ? "nothing but what host offers"
    : grantText(permissions);
  const rows = [
    ...printed.map((line) => ["printed", line]),
    ["time", `${time_ms} ms`],
    ["memory", memory],
    ["may", may],
    ["denied", denied.map(denialText).join(", ") || "nothing"],
  ];
  return rows.map(([label = "", text = ""]) => `${label.padEnd(8)}  ${text}\n`).join("");
}
