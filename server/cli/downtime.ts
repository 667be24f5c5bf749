/** `monitor downtime list | add | preview | extend | end`. */
import { z } from "zod";
import {
  type DowntimeAnswer,
  type DowntimePreviewAnswer,
  downtimePreviewSchema,
  downtimeSchema,
  downtimesSchema,
} from "../wire/downtime.ts";
import { connectClient, type ReadingContext } from "./command.ts";
import { formatTime } from "./instant.ts";
import { formatDuration } from "./meter.ts";
import { layoutTable } from "./table.ts";
import { styled } from "./terminal.ts";
import { safeJson, safeText } from "./text.ts";

const API = "/api/v1/downtimes";
/** Names in a sentence; how many there are is always said. */
const NAMED_MAX = 5;

interface Asked {
  server?: string;
  json?: true;
}

const time = (at_s: number) => formatTime(at_s * 1000).slice(0, 16);

/** What a downtime is about. */
function aboutText({ hostname, hosts, tags, rules }: DowntimeAnswer): string {
  const parts = [
    ...hostname === null ? [] : [hostname],
    ...hosts,
    ...Object.entries(tags).map(([name, value]) => `${name}=${value}`),
    ...rules.map((rule) => `rule ${rule}`),
  ];
  return parts.join(" ") || "everything";
}

/** When it is: the present or next occurrence, and how it comes again. */
function whenText(downtime: DowntimeAnswer): string {
  const { active, next: [next], pattern, zone, duration_s } = downtime;
  const span = active !== null
    ? `until ${time(active.end)}`
    : next !== undefined
    ? `${time(next.start)} to ${time(next.end)}`
    : "over";
  if (pattern === null) return span;
  return `${span}; ${pattern} ${zone}, ${formatDuration((duration_s ?? 0) * 1000)} each`;
}

/** The lines of the table, header first. */
export function downtimeLines(downtimes: readonly DowntimeAnswer[], columns: number): string[] {
  return layoutTable({
    columns: [
      { header: "ID", align: "right", whole: true },
      { header: "STATE", whole: true },
      { header: "ABOUT" },
      { header: "WHEN" },
      { header: "NOTE" },
    ],
    rows: downtimes.map((downtime) => [
      `${downtime.id}`,
      downtime.active === null ? "to come" : "in force",
      aboutText(downtime),
      whenText(downtime),
      [downtime.note, downtime.created_by === null ? "" : `(${downtime.created_by})`]
        .filter((part) => part !== "").join(" "),
    ]),
  }, columns);
}

const plural = (count: number, one: string) => `${count} ${one}${count === 1 ? "" : "s"}`;

function named(names: readonly string[], count: number): string {
  const shown = names.slice(0, NAMED_MAX).map(safeText).join(", ");
  return count > NAMED_MAX ? `${shown} and ${count - NAMED_MAX} more` : shown;
}

/** Sentences about what would be silent. */
export function previewLines(preview: DowntimePreviewAnswer): string[] {
  const { host_count, hosts, incident_count, incidents, occurrences } = preview;
  const [first] = occurrences;
  const when = first === undefined ? "" : ` from ${time(first.start)} to ${time(first.end)}`;
  return [
    `${plural(host_count, "host")} and ${plural(incident_count, "open incident")} ` +
    `would be silent${when}`,
    ...host_count > 0 ? [`hosts: ${named(hosts, host_count)}`] : [],
    ...incidents.slice(0, NAMED_MAX).map(({ severity, summary }) =>
      `${severity}: ${safeText(summary)}`
    ),
    ...occurrences.slice(1).map(({ start, end }) => `again: ${time(start)} to ${time(end)}`),
  ];
}

function print({ terminal }: ReadingContext, lines: readonly string[]): void {
  if (lines.length > 0) terminal.out(`${lines.join("\n")}\n`);
}

export async function listDowntimes(
  { server, json, host }: Asked & { host?: string },
  context: ReadingContext,
): Promise<void> {
  const { terminal, env } = context;
  const client = await connectClient(server, env);
  const query = host === undefined ? "" : `?${new URLSearchParams({ hostname: host })}`;
  const answer = await client.ask(downtimesSchema, API + query);
  if (json) {
    terminal.out(`${safeJson(answer, terminal.out_is_terminal ? 2 : undefined)}\n`);
    return;
  }
  const { downtimes } = answer;
  if (downtimes.length === 0) return terminal.err("No downtime is in force or to come\n");
  const [header = "", ...rows] = downtimeLines(downtimes, terminal.columns);
  print(context, [styled(terminal, "bold", header), ...rows]);
}

export async function addDowntime(
  { server, body }: { server?: string; body: object },
  context: ReadingContext,
): Promise<void> {
  const client = await connectClient(server, context.env);
  const preview = await client.ask(downtimePreviewSchema, `${API}/preview`, {
    method: "POST",
    body,
  });
  const made = await client.ask(downtimeSchema, API, { method: "POST", body });
  print(context, [
    `downtime ${made.id}: ${safeText(aboutText(made))}, ${safeText(whenText(made))}`,
    `${plural(preview.host_count, "host")} and ${
      plural(preview.incident_count, "open incident")
    } are silent then`,
  ]);
  if (preview.host_count === 0) {
    context.terminal.err("No host that has reported fits: look at the names with --host\n");
  }
}

export async function previewDowntime(
  { server, json, body }: Asked & { body: object },
  context: ReadingContext,
): Promise<void> {
  const { terminal, env } = context;
  const client = await connectClient(server, env);
  const options = { method: "POST", body };
  const preview = await client.ask(downtimePreviewSchema, `${API}/preview`, options);
  if (json) terminal.out(`${safeJson(preview, terminal.out_is_terminal ? 2 : undefined)}\n`);
  else print(context, previewLines(preview));
}

export async function extendDowntime(
  { server, id, body }: { server?: string; id: number; body: object },
  context: ReadingContext,
): Promise<void> {
  const client = await connectClient(server, context.env);
  const options = { method: "POST", body };
  const extended = await client.ask(downtimeSchema, `${API}/${id}/extend`, options);
  const where = extended.id === id ? "" : `, as downtime ${extended.id}`;
  print(context, [`downtime ${id} goes on until ${time(extended.end ?? 0)}${where}`]);
}

const removedSchema = z.object({ status: z.string() });

/** One that is not in force is taken back. */
export async function endDowntime(
  { server, id }: { server?: string; id: number },
  context: ReadingContext,
): Promise<void> {
  const client = await connectClient(server, context.env);
  const { active } = await client.ask(downtimeSchema, `${API}/${id}`);
  if (active === null) {
    await client.ask(removedSchema, `${API}/${id}`, { method: "DELETE" });
    return print(context, [`downtime ${id} is taken back`]);
  }
  const ended = await client.ask(downtimeSchema, `${API}/${id}/end`, { method: "POST" });
  const [next] = ended.next;
  const again = next === undefined ? "" : `; it comes again at ${time(next.start)}`;
  print(context, [`downtime ${id} is over${again}`]);
}
