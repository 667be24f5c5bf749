/** What a person reads: titles and lines for channels that show text. Pure. */
import type { Notification, NotifiedIncident, Severity } from "./channel.ts";

/** State has a shape besides its colour, so that nobody depends on colour. */
const SHAPES: Record<Severity, string> = { critical: "■", warning: "▲" };
const RESOLVED_SHAPE = "✓";

const COLOURS: Record<Severity, number> = {
  critical: 0xd1324a,
  warning: 0xc27c00,
};
const RESOLVED_COLOUR = 0x2a9d6f;

const RANKS: Record<Severity, number> = { critical: 0, warning: 1 };

/** The gravest of the incidents that fire; of all when none does. */
export function severityOf({ incidents }: Pick<Notification, "incidents">): Severity {
  const firing = incidents.filter(({ state }) => state === "firing");
  const counted = firing.length > 0 ? firing : incidents;
  return counted.map(({ severity }) => severity)
    .sort((one, other) => RANKS[one] - RANKS[other])[0] ?? "warning";
}

/** 0xRRGGBB */
export function colourOf(notification: Notification): number {
  if (notification.status === "resolved") return RESOLVED_COLOUR;
  return COLOURS[severityOf(notification)];
}

export function hexColour(notification: Notification): string {
  return `#${colourOf(notification).toString(16).padStart(6, "0")}`;
}

/** `text` of at most `chars` characters; what is cut off leaves an ellipsis. No character is halved. */
export function cut(text: string, chars: number): string {
  const all = [...text];
  return all.length <= chars ? text : `${all.slice(0, chars - 1).join("")}…`;
}

/** Two significant units: `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit));
  const parts = [[days, "d"], [(hours ?? 0) % 24, "h"], [(minutes ?? 0) % 60, "min"]]
    .filter(([count]) => count !== 0).slice(0, 2);
  return parts.length === 0 ? `${seconds} s` : parts.map((part) => part.join(" ")).join(" ");
}

function subject(incident: NotifiedIncident): string {
  return incident.metric === null
    ? incident.hostname
    : `${incident.metric} of ${incident.hostname}`;
}

/** One line for a subject, a push message, a title. */
export function titleOf(notification: Notification): string {
  const { incidents, left_out, status, reason } = notification;
  const firing = incidents.filter(({ state }) => state === "firing");
  const told = status === "firing" ? firing : incidents;
  const [first] = told;
  const word = status === "resolved"
    ? `${RESOLVED_SHAPE} Resolved`
    : `${SHAPES[severityOf(notification)]} ${severityOf(notification)}`;
  const again = reason === "repeat_interval"
    ? " (still)"
    : reason === "escalation"
    ? " (not acknowledged)"
    : reason === "test"
    ? " (test)"
    : "";
  if (first === undefined) return `${word}${again}`;
  const more = told.length - 1 + left_out;
  const rest = more > 0 ? ` and ${more} more` : "";
  return `${word}${again}: ${first.rule}: ${subject(first)}${rest}`;
}

/** One line an incident. */
export function lineOf(incident: NotifiedIncident, now_ms: number): string {
  const { state, severity, summary, opened_at_ms, resolved_at_ms } = incident;
  const flapping = incident.flapping
    ? "; it opens and resolves again and again, and is told as one until it has been quiet"
    : "";
  if (state === "resolved") {
    const lasted = durationText((resolved_at_ms ?? now_ms) - opened_at_ms);
    return `${RESOLVED_SHAPE} ${summary}: resolved after ${lasted}${flapping}`;
  }
  if (resolved_at_ms !== null) {
    // it was over before anybody could tell of it; that it is follows in a message of its own
    const lasted = durationText(resolved_at_ms - opened_at_ms);
    const since = durationText(now_ms - opened_at_ms);
    return `${SHAPES[severity]} ${summary} (told late: it began ${since} ago and took ${lasted})`;
  }
  const age = durationText(now_ms - opened_at_ms);
  return `${SHAPES[severity]} ${summary} (since ${age})${flapping}`;
}

/** All of it as plain text, without the title. */
export function bodyOf(notification: Notification): string {
  const { incidents, left_out, url, at_ms } = notification;
  const runbooks = [...new Set(incidents.flatMap(({ runbook_url }) => runbook_url ?? []))];
  return [
    ...incidents.map((incident) => lineOf(incident, at_ms)),
    ...left_out > 0 ? [`… and ${left_out} more`] : [],
    ...runbooks.map((runbook) => `Runbook: ${runbook}`),
    ...url === null ? [] : [url],
  ].join("\n");
}
