/** `monitor alerts …` over the API. */
import type { z } from "zod";
import { connectClient, instant } from "../cli/command.ts";
import { UsageError } from "../cli/failure.ts";
import { formatTime } from "../cli/instant.ts";
import { styled, type Terminal } from "../cli/terminal.ts";
import { safeJson, safeText } from "../cli/text.ts";
import type { AlertsContext } from "./command.ts";
import {
  alertsSchema,
  appliedSchema,
  backtestSchema,
  evidenceSchema,
  incidentSchema,
  incidentsSchema,
  rulesSchema,
  statusSchema,
} from "./command_answers.ts";
import { readText, withPlaces } from "./command_scenarios.ts";
import { backtestLines, evidenceLines, incidentLines, ruleLines } from "./command_text.ts";
import { DURATION_FORMS, parseDuration } from "./duration.ts";
import { parseRulesFile } from "./rules_file.ts";

interface Asked {
  server?: string;
  json?: true;
}

interface Said {
  server?: string;
  who?: string;
  note: string;
}

async function ask<T>(
  { server }: Asked,
  { env }: AlertsContext,
  question: { schema: z.ZodType<T>; path: string; method?: string; body?: unknown },
): Promise<T> {
  const client = await connectClient(server, env);
  return await client.ask(question.schema, question.path, question);
}

function print(terminal: Terminal, lines: readonly string[]): void {
  // names and notes come from anywhere
  if (lines.length > 0) terminal.out(lines.map(safeText).join("\n") + "\n");
}

function printTable(terminal: Terminal, [header = "", ...rows]: readonly string[]): void {
  terminal.out([styled(terminal, "bold", header), ...rows].join("\n") + "\n");
}

function printJson(terminal: Terminal, answer: unknown): void {
  terminal.out(`${safeJson(answer, terminal.out_is_terminal ? 2 : undefined)}\n`);
}

/** Who is at the keyboard. */
function whoOf({ who }: Said, { env }: AlertsContext): string | null {
  return who ?? env.SUDO_USER ?? env.USER ?? env.LOGNAME ?? null;
}

export async function listIncidents(
  options: Asked & { all?: true; host?: string; limit: number },
  context: AlertsContext,
): Promise<void> {
  const { terminal, clock } = context;
  const query = new URLSearchParams({ limit: String(options.limit) });
  if (!options.all) query.set("state", "open");
  if (options.host !== undefined) query.set("host", options.host);
  const answer = await ask(options, context, {
    schema: incidentsSchema,
    path: `/api/v1/incidents?${query}`,
  });
  if (options.json) return printJson(terminal, answer);
  const { incidents, next } = answer;
  const { columns } = terminal;
  if (incidents.length > 0) {
    printTable(terminal, incidentLines(incidents, { columns, now_ms: clock.now() }));
  } else terminal.err(options.all ? "No incident yet\n" : "Nothing is wrong\n");
  if (next !== null) terminal.err(`The newest ${incidents.length}; more with --limit\n`);
  const { evaluation, alerts } = await ask(options, context, {
    schema: alertsSchema,
    path: "/api/v1/alerts",
  });
  const pending = alerts.filter(({ state }) => state === "pending").length;
  if (pending > 0) terminal.err(`${pending} pending\n`);
  if (evaluation.state === "stopped") {
    terminal.err(`Alerts are not evaluated just now: ${safeText(evaluation.reason ?? "")}\n`);
  }
}

export async function showIncident(
  id: number,
  options: Asked,
  context: AlertsContext,
): Promise<void> {
  const { terminal, clock } = context;
  const path = `/api/v1/incidents/${id}`;
  const answer = await ask(options, context, { schema: evidenceSchema, path });
  if (options.json) return printJson(terminal, answer);
  print(terminal, evidenceLines(answer, clock.now()));
}

export async function acknowledge(
  id: number,
  said: Said & { for?: string; withdraw?: true },
  context: AlertsContext,
): Promise<void> {
  const { terminal } = context;
  const path = `/api/v1/incidents/${id}/acknowledge`;
  const who = whoOf(said, context);
  if (said.withdraw) {
    const body = { who, note: said.note };
    await ask(said, context, { schema: incidentSchema, path, method: "DELETE", body });
    return terminal.err(`Nobody looks after incident ${id} now\n`);
  }
  if (said.for !== undefined && parseDuration(said.for) === undefined) {
    throw new UsageError(
      `--for must be ${DURATION_FORMS}: current value is "${safeText(said.for)}"`,
    );
  }
  const body = { who, note: said.note, for: said.for };
  const answer = await ask(said, context, { schema: incidentSchema, path, method: "POST", body });
  const until = answer.acknowledged?.until ?? null;
  const limit = until === null
    ? "until it is over or gets worse"
    : `until ${formatTime(until * 1000)}`;
  terminal.err(`${safeText(who ?? "Somebody")} looks after incident ${id} ${limit}\n`);
}

export async function comment(id: number, said: Said, context: AlertsContext): Promise<void> {
  const body = { who: whoOf(said, context), note: said.note };
  const path = `/api/v1/incidents/${id}/comment`;
  await ask(said, context, { schema: statusSchema, path, method: "POST", body });
}

export async function resolve(id: number, said: Said, context: AlertsContext): Promise<void> {
  const body = { who: whoOf(said, context), note: said.note };
  const path = `/api/v1/incidents/${id}/resolve`;
  const { state } = await ask(said, context, {
    schema: incidentSchema,
    path,
    method: "POST",
    body,
  });
  context.terminal.err(
    state === "resolved"
      ? `Incident ${id} is over\n`
      : `Incident ${id} will be over as soon as a server evaluates alerts again\n`,
  );
}

export async function listRules(options: Asked, context: AlertsContext): Promise<void> {
  const { terminal } = context;
  const answer = await ask(options, context, { schema: rulesSchema, path: "/api/v1/rules" });
  if (options.json) return printJson(terminal, answer);
  if (answer.rules.length > 0) printTable(terminal, ruleLines(answer, terminal.columns));
  else terminal.err("There is no rule yet\n");
}

export async function applyRules(
  file: string,
  options: Asked & { dryRun?: true },
  context: AlertsContext,
): Promise<void> {
  const { terminal } = context;
  const text = readText(file);
  const rules = withPlaces(() => parseRulesFile(text, file));
  const answer = await ask(options, context, {
    schema: appliedSchema,
    path: "/api/v1/rules/apply",
    method: "POST",
    body: { rules, dry_run: options.dryRun ?? false },
  });
  if (options.json) return printJson(terminal, answer);
  const { created, changed, removed, unchanged } = answer;
  print(terminal, [
    ...created.map((name) => `new      ${name}`),
    ...changed.map((name) => `changed  ${name}`),
    ...removed.map((name) => `removed  ${name}`),
  ]);
  const done = options.dryRun ? "Nothing was changed; it would be" : "Applied";
  terminal.err(
    `${done}: ${created.length} new, ${changed.length} changed, ${removed.length} removed, ` +
      `${unchanged} as before\n`,
  );
}

export async function backtest(
  rule: string,
  options: Asked & { since: string; file?: string },
  context: AlertsContext,
): Promise<void> {
  const { terminal, clock } = context;
  const from = instant(options.since, { option: "--since", now_ms: clock.now() }) / 1000;
  const answer = await ask(options, context, {
    schema: backtestSchema,
    path: "/api/v1/rules/backtest",
    method: "POST",
    body: { ...await wantedRule(rule, options, context), from },
  });
  if (options.json) return printJson(terminal, answer);
  const lines = backtestLines(answer, terminal.columns);
  if (answer.incidents.length > 0) printTable(terminal, lines);
  else print(terminal, lines);
}

async function wantedRule(
  wanted: string,
  options: Asked & { file?: string },
  context: AlertsContext,
): Promise<{ id: number } | { rule: unknown }> {
  const { file } = options;
  if (file !== undefined) {
    const rules = withPlaces(() => parseRulesFile(readText(file), file));
    const rule = rules.find(({ name }) => name === wanted);
    if (rule !== undefined) return { rule };
    throw new UsageError(`"${safeText(file)}" has no rule "${safeText(wanted)}"`);
  }
  const { rules } = await ask(options, context, { schema: rulesSchema, path: "/api/v1/rules" });
  const found = rules.find(({ rule }) => rule.name === wanted) ??
    rules.find(({ id }) => String(id) === wanted);
  if (found !== undefined) return { id: found.id };
  throw new UsageError(
    `there is no rule "${safeText(wanted)}"; "monitor alerts rules" lists those there are`,
  );
}
