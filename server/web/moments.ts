/** Ends that people name: "for two hours", "until Monday at eight"; and times in fields of a form. */

export interface Moment {
  name: "h1" | "h2" | "h8" | "tomorrow" | "monday";
  at_s: number;
}

/** The next such weekday (0 is Sunday) at `hour`, on the reader's clock; never today. */
export function nextWeekday(now_s: number, day: number, hour: number): number {
  const at = new Date(now_s * 1000);
  const days = (day - at.getDay() + 7) % 7 || 7;
  return dayAt(now_s, days, hour);
}

/** So many days on, at `hour` on the reader's clock, whatever the clocks do meanwhile. */
export function dayAt(now_s: number, days: number, hour: number): number {
  const at = new Date(now_s * 1000);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + days, hour).getTime() / 1000;
}

/** What is offered for silence and acknowledgement, the soonest first. */
export function quickMoments(now_s: number): Moment[] {
  const moments: Moment[] = [
    { name: "h1", at_s: now_s + 3_600 },
    { name: "h2", at_s: now_s + 7_200 },
    { name: "h8", at_s: now_s + 28_800 },
    { name: "tomorrow", at_s: dayAt(now_s, 1, 8) },
    { name: "monday", at_s: nextWeekday(now_s, 1, 8) },
  ];
  return moments.filter(({ name, at_s }, at) =>
    // on a Sunday both are the same
    name !== "monday" || at_s !== moments[at - 1]?.at_s
  );
}

/** As `<input type="datetime-local">` has it, on the reader's clock. */
export function localText(at_s: number): string {
  const at = new Date(at_s * 1000);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${
    two(at.getHours())
  }:${two(at.getMinutes())}`;
}

/** Seconds since 1970, or undefined when the field is empty or half written. */
export function readLocal(text: string): number | undefined {
  if (!/^\d{4,6}-\d\d-\d\dT\d\d:\d\d/.test(text)) return undefined;
  const at_ms = new Date(text).getTime();
  return Number.isNaN(at_ms) ? undefined : at_ms / 1000;
}

/** "14:00" today, "Mon 30 Nov 08:00" on another day. */
export function clockText(at_s: number, now_s: number): string {
  const [at, now] = [new Date(at_s * 1000), new Date(now_s * 1000)];
  const time = at.toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  if (at.toDateString() === now.toDateString()) return time;
  const is_year = at.getFullYear() === now.getFullYear();
  const date = at.toLocaleDateString(undefined, {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: is_year ? undefined : "numeric",
  });
  return `${date} ${time}`;
}

/** The reader's zone, as IANA names it. */
export function readerZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
