/**
 * `monitor aggregate`: closed hours become history now, not at the next run of a server. It works on
 * the database itself, or asks a server that runs (`--server`). `--dry-run` only tells the plan,
 * `--verify` only looks whether what is stored is right.
 */
import { type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import type { Clock } from "../../clock.ts";
import type { Database } from "../../db/database.ts";
import type { Logger } from "../../log.ts";
import { CommandError, UsageError } from "../cli/failure.ts";
import { INSTANT_FORMS, parseInstant } from "../cli/instant.ts";
import { showMeter } from "../cli/meter.ts";
import type { StopRequest } from "../cli/signals.ts";
import { programName, type Terminal } from "../cli/terminal.ts";
import { safeJson, safeText } from "../cli/text.ts";
import type { Config } from "../config.ts";
import type { RunOptions } from "./run.ts";

/** About ten seconds' work. */
const SAMPLE_DEFAULT = 100;

export interface AggregateContext {
  terminal: Terminal;
  clock: Clock;
  listenForStop: () => StopRequest;
  /** Tells a running server to aggregate; resolves to what it says. */
  askServer: (server: string | undefined) => Promise<string>;
  /** Opens the database that the base's options name, without migrating it. */
  openDatabase: () => Promise<{ database: Database; config: Config; log: Logger }>;
}

interface Wanted {
  server?: string | true;
  until?: string;
  host?: string;
  dryRun?: true;
  verify?: true;
  sample?: number;
  json?: true;
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number of at least 1.");
}

/**
 * Adds the command's own options and its action to `base`, which is named and has the options that
 * say which database is meant.
 */
export function aggregateCommand(
  // with typed options added one by one to a type that is not known, the compiler does not end
  base: CommandUnknownOpts,
  context: AggregateContext,
): CommandUnknownOpts {
  const example = (line: string) => `\n  ${programName()} aggregate${line}`;
  return base
    .description("turn closed hours into history, and drop what is past its retention")
    .option("--server [url]", "ask a running server to do it (http://localhost:8888)")
    .option("--until <time>", "only what ended before: 2h, 2026-01-31; nothing is dropped")
    .option("--host <name>", "only this host; nothing is dropped")
    .option("--dry-run", "print the plan, and what retention would drop")
    .option("--verify", "make some of the stored history again and report every difference")
    .option("--sample <n>", `days of a host to verify (${SAMPLE_DEFAULT})`, wholeNumber)
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `\nExamples:${example("")}${example(" --dry-run")}${example(" --server")}` +
        example(" --verify --sample 1000"),
    )
    .action(async () => {
      const wanted: Wanted = base.opts();
      if (wanted.server !== undefined) return await askServer(wanted, context);
      if (wanted.sample !== undefined && !wanted.verify) {
        throw new UsageError("--sample belongs to --verify");
      }
      const { database, config, log } = await context.openDatabase();
      using stop = context.listenForStop();
      try {
        await requireSchema(database);
        const where = { database, config, log, signal: stop.signal };
        await (wanted.verify ? verify(wanted, where, context) : run(wanted, where, context));
      } catch (error) {
        // given up because somebody asked: the next run goes on from there
        if (!stop.signal.aborted) throw error;
        context.terminal.err("Stopped; the next run goes on from here\n");
      } finally {
        await database.close();
      }
    });
}

type Context = Omit<AggregateContext, "openDatabase">;

interface Where {
  database: Database;
  config: Config;
  log: Logger;
  signal: AbortSignal;
}

async function askServer(wanted: Wanted, { askServer, terminal }: Context): Promise<void> {
  for (const option of ["until", "host", "dryRun", "verify", "sample", "json"] as const) {
    if (wanted[option] === undefined) continue;
    const name = option === "dryRun" ? "dry-run" : option;
    throw new UsageError(`--${name} works on the database itself: leave out --server`);
  }
  const url = wanted.server === true ? undefined : wanted.server;
  terminal.out(`${safeText(await askServer(url))}\n`);
}

async function requireSchema({ sql, url_for_display }: Database): Promise<void> {
  const { migrationStatus } = await import("../../db/migrate.ts");
  const { pending } = await migrationStatus(sql);
  if (pending.length === 0) return;
  throw new CommandError(`Cannot aggregate ${url_for_display}`, {
    cause: `${pending.length} migrations are not applied`,
    hint: `apply them with "${programName()} migrate"`,
  });
}

async function hostId(name: string | undefined, { sql }: Database): Promise<number | undefined> {
  if (name === undefined) return undefined;
  const { selectHost } = await import("../../db/hosts.ts");
  const host = await selectHost(sql, name);
  if (host !== undefined) return host.id;
  throw new CommandError(`Cannot find host "${safeText(name)}"`, {
    hint: `"${programName()} hosts" lists those there are`,
  });
}

async function runOptions(wanted: Wanted, where: Where, { clock }: Context): Promise<RunOptions> {
  const { database, config, log, signal } = where;
  const now_ms = clock.now();
  const until_ms = wanted.until === undefined ? undefined : parseInstant(wanted.until, now_ms);
  if (wanted.until !== undefined && until_ms === undefined) {
    throw new UsageError(
      `--until must be ${INSTANT_FORMS}: current value is "${safeText(wanted.until)}"`,
    );
  }
  return {
    sql: database.sql,
    ...{ log, clock, now_ms, until_ms, signal },
    grace_ms: config.aggregate.grace_s * 1000,
    retention: config.retention,
    host_id: await hostId(wanted.host, database),
  };
}

async function run(wanted: Wanted, where: Where, context: Context): Promise<void> {
  const { terminal, clock } = context;
  const { planRun, runAggregation } = await import("./run.ts");
  const { countLines, stepText } = await import("./step_text.ts");
  const options = await runOptions(wanted, where, context);
  if (wanted.dryRun) {
    const steps = await planRun(options);
    if (wanted.json) terminal.out(`${safeJson(steps, 2)}\n`);
    else terminal.out(linesOf(steps.map(stepText)));
    return;
  }
  const meter = showMeter(terminal, { label: "aggregating", unit: "reports", clock });
  try {
    const outcome = await runAggregation({
      ...options,
      onProgress: ({ step, fraction, reports }) =>
        meter.update({ done: reports, fraction, note: stepText(step) }),
    });
    if (outcome.state === "busy") {
      throw new CommandError("Cannot aggregate now", {
        cause: "a server is aggregating this database just now",
        hint: "wait for it; when it is done there may be nothing left to do",
      });
    }
    if (wanted.json) terminal.out(`${safeJson(outcome, 2)}\n`);
    else terminal.out(linesOf(countLines(outcome.counts)));
    if (outcome.counts.failures > 0) {
      throw new CommandError(`Cannot read or make ${outcome.counts.failures} blocks`, {
        cause: "each is named in a line above; its reports are kept where they are",
        hint:
          'find out what else is damaged with "--verify", and bring the database back to health',
      });
    }
  } finally {
    meter.done();
  }
}

function linesOf(lines: readonly string[]): string {
  return `${lines.length === 0 ? "Nothing to do" : lines.join("\n")}\n`;
}

async function verify(wanted: Wanted, where: Where, context: Context): Promise<void> {
  const { terminal, clock } = context;
  const { verifyHistory } = await import("./verify.ts");
  const { differenceText } = await import("./step_text.ts");
  const { sql } = where.database;
  const meter = showMeter(terminal, { label: "verifying", unit: "days", clock });
  const { days_checked, differences } = await verifyHistory({
    sql,
    sample: wanted.sample ?? SAMPLE_DEFAULT,
    host_id: await hostId(wanted.host, where.database),
    signal: where.signal,
    onProgress: (done, of) => meter.update({ done, fraction: done / of }),
  }).finally(() => meter.done());
  if (wanted.json) terminal.out(`${safeJson({ days_checked, differences }, 2)}\n`);
  else {
    const names = await namesFor(sql, differences.map(({ shape_id }) => shape_id));
    for (const one of differences) terminal.out(`${safeText(differenceText(one, names))}\n`);
    terminal.out(
      `${days_checked} days of a host verified, ` +
        `${differences.length === 0 ? "no" : differences.length} differences\n`,
    );
  }
  if (differences.length === 0) return;
  throw new CommandError(`Stored history has ${differences.length} differences`, {
    cause: "it is not what its finer tier, or its checksum, says",
    hint: "check the disk, and report it to us when the disk is well",
  });
}

async function namesFor(sql: Database["sql"], shape_ids: readonly number[]) {
  const { selectHosts } = await import("../../db/hosts.ts");
  const { selectShapeMetrics } = await import("../../db/metric_kinds.ts");
  const hosts = new Map((await selectHosts(sql)).map(({ id, hostname }) => [id, hostname]));
  const shapes = await selectShapeMetrics(sql, [...new Set(shape_ids)]);
  return {
    host: (id: number) => hosts.get(id) ?? `host ${id}`,
    metric: (id: number, metric: number) => shapes.get(id)?.[metric]?.name ?? `metric ${metric}`,
  };
}
