/** `monitor silence list | add | end` and `monitor parent list | set`. */
import { z } from "zod";
import {
  type Matcher,
  parentsSchema,
  type SilenceAnswer,
  silenceSchema,
  silencesSchema,
} from "../wire/silence.ts";
import { connectClient, type ReadingContext } from "./command.ts";
import { formatTime } from "./instant.ts";
import { layoutTable } from "./table.ts";
import { styled } from "./terminal.ts";
import { safeJson, safeText } from "./text.ts";

const SILENCES = "/api/v1/silences";
const PARENTS = "/api/v1/parents";

interface Asked {
  server?: string;
  json?: true;
}

const time = (at_s: number) => formatTime(at_s * 1000).slice(0, 16);
const matcherText = ({ label, op, value }: Matcher) =>
  `${label}${op.startsWith("!") ? "!=" : "="}${value}`;

/** The lines of the table, header first. */
export function silenceLines(silences: readonly SilenceAnswer[], columns: number): string[] {
  return layoutTable({
    columns: [
      { header: "ID", align: "right", whole: true },
      { header: "MATCHES" },
      { header: "UNTIL", whole: true },
      { header: "NOTE" },
    ],
    rows: silences.map(({ id, matchers, end, note, created_by }) => [
      `${id}`,
      matchers.map(matcherText).join(" "),
      time(end),
      [note, created_by === null ? "" : `(${created_by})`].filter((part) => part !== "").join(" "),
    ]),
  }, columns);
}

function printTable({ terminal }: ReadingContext, [header = "", ...rows]: readonly string[]): void {
  terminal.out(`${[styled(terminal, "bold", header), ...rows].join("\n")}\n`);
}

function printJson({ terminal }: ReadingContext, answer: unknown): void {
  terminal.out(`${safeJson(answer, terminal.out_is_terminal ? 2 : undefined)}\n`);
}

export async function listSilences({ server, json }: Asked, context: ReadingContext) {
  const client = await connectClient(server, context.env);
  const answer = await client.ask(silencesSchema, SILENCES);
  if (json) return printJson(context, answer);
  if (answer.silences.length === 0) return context.terminal.err("No silence is in force\n");
  printTable(context, silenceLines(answer.silences, context.terminal.columns));
}

export async function addSilence(
  { server, body }: { server?: string; body: object },
  context: ReadingContext,
): Promise<void> {
  const { terminal, env } = context;
  const client = await connectClient(server, env);
  const created_by = env.SUDO_USER || env.USER || env.LOGNAME || undefined;
  const options = { method: "POST", body: { ...body, created_by } };
  const { id, matchers, end } = await client.ask(silenceSchema, SILENCES, options);
  const what = safeText(matchers.map(matcherText).join(" "));
  terminal.out(`silence ${id}: nobody is told of ${what} until ${time(end)}\n`);
}

const endedSchema = z.object({ status: z.string() });

export async function endSilence(
  { server, id }: { server?: string; id: number },
  { terminal, env }: ReadingContext,
): Promise<void> {
  const client = await connectClient(server, env);
  await client.ask(endedSchema, `${SILENCES}/${id}`, { method: "DELETE" });
  terminal.out(`silence ${id} is over\n`);
}

export async function listParents({ server, json }: Asked, context: ReadingContext) {
  const client = await connectClient(server, context.env);
  const answer = await client.ask(parentsSchema, PARENTS);
  if (json) return printJson(context, answer);
  const rows = Object.entries(answer.parents).map(([host, parents]) => [host, parents.join(", ")]);
  if (rows.length === 0) return context.terminal.err("No host is known to be behind another one\n");
  const columns = [{ header: "HOST" }, { header: "BEHIND" }];
  printTable(context, layoutTable({ columns, rows }, context.terminal.columns));
}

export async function setParents(
  { server, host, parents }: { server?: string; host: string; parents: readonly string[] },
  { terminal, env }: ReadingContext,
): Promise<void> {
  const client = await connectClient(server, env);
  const options = { method: "PUT", body: { parents } };
  await client.ask(parentsSchema, `${PARENTS}/${encodeURIComponent(host)}`, options);
  const what = parents.length === 0 ? "nothing" : parents.join(", ");
  terminal.out(`${safeText(host)} is behind ${safeText(what)}\n`);
}
