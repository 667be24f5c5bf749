/** A downtime as the fields of a form, and what is asked for with them: pure. */
import { readLocal } from "./moments.ts";
import { patternOf, type Recurrence } from "./recurrence.ts";

export interface DowntimeFields extends Recurrence {
  hosts: string;
  tags: string;
  rules: string;
  /** Every host, whatever it is: has to be said. */
  all: boolean;
  is_recurring: boolean;
  /** As `<input type="datetime-local">` has them; an empty `from` is now. */
  from: string;
  until: string;
  /** `2h`: of a recurring one. */
  lasts: string;
  zone: string;
  /** `2026-01-31`, or empty: for ever. */
  last_day: string;
  note: string;
}

/** `POST /api/v1/downtimes`. */
export interface DowntimeBody {
  hosts: string[];
  tags: Record<string, string>;
  rules: string[];
  all?: true;
  start?: number;
  end?: number;
  pattern?: string;
  duration_s?: number;
  zone?: string;
  note: string;
  created_by?: string;
}

const UNITS_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Seconds of `2h`, `1h30m` or `90` (minutes are not guessed: a number alone is seconds). */
export function readLasting(text: string): number | undefined {
  const given = text.replaceAll(" ", "").toLowerCase().replaceAll(/min(utes?)?/g, "m");
  if (/^\d+$/.test(given)) return Number(given) || undefined;
  if (!/^(\d+(\.\d+)?[smhdw])+$/.test(given)) return undefined;
  let total_s = 0;
  for (const [, count, unit = "s"] of given.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)) {
    total_s += Number(count) * (UNITS_S[unit] ?? 0);
  }
  return total_s || undefined;
}

function listOf(text: string): string[] {
  return text.split(",").map((one) => one.trim()).filter((one) => one !== "");
}

/** Names of hosts: by commas or spaces, since names have none. */
function hostsOf(text: string): string[] {
  return text.split(/[,\s]+/).filter((one) => one !== "");
}

function tagsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    listOf(text).map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [name.trim(), value.join("=").trim() || "*"];
    }),
  );
}

/** What the fields ask for; undefined when something is missing. */
export function bodyOf(fields: DowntimeFields): DowntimeBody | undefined {
  const subject = {
    hosts: hostsOf(fields.hosts),
    tags: tagsOf(fields.tags),
    rules: listOf(fields.rules),
  };
  const is_anything = subject.hosts.length + subject.rules.length > 0 ||
    Object.keys(subject.tags).length > 0;
  // named things are what counts, even when everything is said, too
  if (!is_anything && !fields.all) return undefined;
  const about = {
    ...subject,
    ...is_anything ? {} : { all: true as const },
    note: fields.note.trim(),
  };
  const start = readLocal(fields.from);
  if (!fields.is_recurring) {
    const end = readLocal(fields.until);
    return end === undefined ? undefined : { ...about, start, end };
  }
  const [pattern, duration_s] = [patternOf(fields), readLasting(fields.lasts)];
  if (pattern === undefined || duration_s === undefined) return undefined;
  // the whole last day belongs to it
  const end = fields.last_day === "" ? undefined : readLocal(`${fields.last_day}T23:59:59`);
  return { ...about, start, end, pattern, duration_s, zone: fields.zone.trim() || undefined };
}
