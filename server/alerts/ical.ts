/**
 * Downtimes as an iCalendar feed (RFC 5545), for the calendars people look at anyway. Occurrences of a
 * recurring downtime are events of their own, as far as the feed looks ahead: a croner pattern says
 * more than RRULE can, and a calendar would read the clocks' changes its own way.
 *
 * Lines end with CRLF and are folded at 75 bytes; texts have their commas, semicolons and newlines
 * escaped.
 */
import type { Downtime } from "../../db/downtimes.ts";
import type { Occurrence } from "./calendar.ts";
import { activeOccurrence, nextOccurrences } from "./downtime.ts";

/** Of one downtime; a year of nights. */
const OCCURRENCES_MAX = 366;
const AHEAD_MS = 366 * 86_400_000;
const LINE_BYTES_MAX = 75;

const encoder = new TextEncoder();

function time(at_ms: number): string {
  return new Date(at_ms).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
}

function escaped(text: string): string {
  return text.replaceAll(/[\\;,]/g, "\\$&").replaceAll(/\r\n|\r|\n/g, "\\n")
    .replaceAll(/\p{Cc}/gu, "");
}

/** No character is halved: the bytes of each are counted. */
function folded(line: string): string {
  let text = "";
  let bytes = 0;
  for (const char of line) {
    const size = encoder.encode(char).length;
    if (bytes + size > LINE_BYTES_MAX) {
      text += "\r\n ";
      bytes = 1;
    }
    text += char;
    bytes += size;
  }
  return text;
}

/** What a downtime is about, in words. */
export function aboutText(
  { hostname, hosts, tags, rules }: Pick<Downtime, "hostname" | "hosts" | "tags" | "rules">,
): string {
  const parts = [
    ...hostname === null ? [] : [hostname],
    ...hosts,
    ...Object.entries(tags).map(([name, value]) => `${name}=${value}`),
    ...rules.map((rule) => `rule ${rule}`),
  ];
  return parts.length === 0 ? "everything" : parts.join(", ");
}

function occurrencesOf(
  downtime: Downtime,
  { now_ms, since_ms }: { now_ms: number; since_ms: number },
): Occurrence[] {
  const at_since = activeOccurrence(downtime, since_ms);
  const later = nextOccurrences(downtime, { at_ms: since_ms, count: OCCURRENCES_MAX });
  return [...at_since === undefined ? [] : [at_since], ...later]
    .filter(({ start_ms }) => start_ms < now_ms + AHEAD_MS);
}

/** The whole feed, CRLF included. */
export function calendarText(
  downtimes: readonly Downtime[],
  options: { now_ms: number; since_ms: number },
): string {
  const events = downtimes.flatMap((downtime) =>
    occurrencesOf(downtime, options).flatMap(({ start_ms, end_ms }) => [
      "BEGIN:VEVENT",
      `UID:downtime-${downtime.id}-${start_ms / 1000}@monitor`,
      `DTSTAMP:${time(options.now_ms)}`,
      `DTSTART:${time(start_ms)}`,
      `DTEND:${time(end_ms)}`,
      `SUMMARY:${escaped(`Downtime: ${aboutText(downtime)}`)}`,
      ...downtime.note === "" ? [] : [`DESCRIPTION:${escaped(downtime.note)}`],
      "TRANSP:TRANSPARENT",
      "END:VEVENT",
    ])
  );
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//monitor//downtimes//EN",
    "CALSCALE:GREGORIAN",
    "X-WR-CALNAME:Downtimes",
    ...events,
    "END:VCALENDAR",
  ];
  return lines.map((line) => `${folded(line)}\r\n`).join("");
}
