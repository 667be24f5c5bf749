/** Texts that are written for other programs: calendars, JSON of templates, series names. */
import assert from "node:assert/strict";
import type { Downtime } from "../../../db/downtimes.ts";
import { calendarText } from "../../../server/alerts/ical.ts";
import { fillTemplate, type Json, unknownPlaceholder } from "../../../server/notify/template.ts";
import { FIRING } from "../../server/notify/channel_cases.ts";
import type { Target } from "../target.ts";
import { json, word } from "../words.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const encoder = new TextEncoder();

export const target: Target = {
  seeds: ['{"text": "{{summary}}", "all": "{{incidents}}"}', "a note; with, signs\\ and\nlines"],
  dictionary: [
    "{{value}}",
    "{{ hostname }}",
    "{{nothing}}",
    "{{",
    "}}",
    ";",
    ",",
    "\\",
    "\r\n",
    "é",
  ],
  make: (rng) =>
    rng.chance(0.5)
      ? json(rng, 3).replaceAll("null", '"{{value}}"')
      : rng.list(0, 20, () => word(rng)).join(""),
  check(input) {
    const text = new TextDecoder().decode(input);
    checkCalendar(text);
    let template: Json;
    try {
      template = JSON.parse(text);
    } catch {
      template = text;
    }
    if (unknownPlaceholder(template) !== undefined) return;
    const filled = fillTemplate(template, { ...FIRING });
    assert.doesNotThrow(() => JSON.parse(JSON.stringify(filled) ?? "null"));
  },
};

/** Lines of at most 75 bytes, and unfolded and unescaped the note again. */
function checkCalendar(note: string): void {
  // the form a downtime has in the database
  const downtime = {
    ...{ id: 1, hostname: null, hosts: [note.slice(0, 30)], tags: {}, rules: [] },
    ...{ start_ms: NOW_MS, end_ms: NOW_MS + 3_600_000, pattern: null, duration_ms: null },
    ...{ zone: null, note, created_by: null, created_at_ms: NOW_MS, deleted_at_ms: null },
  } as unknown as Downtime;
  const feed = calendarText([downtime], { now_ms: NOW_MS, since_ms: NOW_MS - 1_000 });
  for (const line of feed.split("\r\n")) {
    assert.ok(encoder.encode(line).length <= 75, `a line of more than 75 bytes: ${line}`);
    // deno-lint-ignore no-control-regex -- these must not be there
    assert.ok(!/[\x00-\x08\x0a-\x1f\x7f]/.test(line), "a control character");
  }
  const unfolded = feed.replaceAll("\r\n ", "");
  const found = /^DESCRIPTION:(.*)$/m.exec(unfolded)?.[1];
  const plain = note.replaceAll(/\r\n|\r|\n/g, "\n").replaceAll(/(?!\n)\p{Cc}/gu, "");
  const read = found?.replaceAll(/\\([\\;,n])/g, (_, char: string) => char === "n" ? "\n" : char);
  if (note !== "" && !/[\u2028\u2029]/.test(note)) assert.equal(read ?? "", plain);
}
