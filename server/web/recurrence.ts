/**
 * Times that come again, as people choose them: every day, on weekdays, weekly, monthly, at a time of
 * day; or a cron pattern of their own. Patterns made here are read back into the same words.
 */
export type Every = "day" | "weekdays" | "week" | "month" | "pattern";

export interface Recurrence {
  every: Every;
  /** Days of the week, 0 is Sunday: of `week`. */
  days: number[];
  /** Of `month`. */
  day_of_month: number;
  /** `02:30`. */
  time: string;
  /** Of `pattern`. */
  pattern: string;
}

export const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** The cron pattern of a choice; undefined when a part of it is missing. */
export function patternOf(recurrence: Recurrence): string | undefined {
  const { every, days, day_of_month, time, pattern } = recurrence;
  if (every === "pattern") return pattern.trim() || undefined;
  const [, hour, minute] = /^(\d\d):(\d\d)/.exec(time) ?? [];
  if (hour === undefined || minute === undefined) return undefined;
  const at = `${Number(minute)} ${Number(hour)}`;
  switch (every) {
    case "day":
      return `${at} * * *`;
    case "weekdays":
      return `${at} * * 1-5`;
    case "week":
      return days.length === 0 ? undefined : `${at} * * ${days.toSorted().join(",")}`;
    case "month":
      return `${at} ${day_of_month} * *`;
  }
}

function listText(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

const NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** Numbers of days as a pattern lists them: `1,3`, `SUN`; undefined for anything else. */
function daysOf(text: string): number[] | undefined {
  const days = text.split(",").map((part) => {
    const at = NAMES.indexOf(part.toUpperCase());
    return at >= 0 ? at : /^[0-7]$/.test(part) ? Number(part) % 7 : -1;
  });
  return days.includes(-1) ? undefined : days;
}

/** A pattern in words where it has some: "every Sunday at 02:00"; else the pattern itself. */
export function patternText(pattern: string): string {
  const parts = pattern.trim().split(/\s+/);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = parts;
  if (parts.length !== 5 || !/^\d+$/.test(minute) || !/^\d+$/.test(hour) || month !== "*") {
    return `at ${pattern}`;
  }
  const time = `at ${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (day === "*" && weekday === "*") return `every day ${time}`;
  if (day === "*" && weekday === "1-5") return `Monday to Friday ${time}`;
  const days = day === "*" ? daysOf(weekday) : undefined;
  if (days !== undefined) return `every ${listText(days.map((one) => DAYS[one] ?? ""))} ${time}`;
  if (/^\d+$/.test(day) && weekday === "*") return `on day ${day} of each month ${time}`;
  return `at ${pattern}`;
}
