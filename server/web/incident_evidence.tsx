/** The evidence of an incident: what happened, who was told, and the rule as it was. */
import { useState } from "preact/hooks";
import { request } from "./api.ts";
import { faultText, WhoField, whoGiven } from "./dialog.tsx";
import { absoluteText, agoText } from "./format.ts";
import type { Incident } from "./incidents.ts";
import { now_s } from "./live.ts";
import type { RuleDefinition } from "./rule_fields.ts";
import { definitionWords } from "./rule_words.ts";
import { may } from "./session.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";

const T = TEXT.alerts.incident;

interface IncidentEvent {
  at: number;
  kind: string;
  who: string | null;
  text: string | null;
  detail: unknown;
}

interface Delivery {
  id: number;
  channel: string | null;
  reason: string;
  state: string;
  attempts: number;
  error: string | null;
  created: number;
  sent: number | null;
}

export interface Evidence extends Incident {
  rule: RuleDefinition;
  points: [number, number][];
  events: IncidentEvent[];
  deliveries: Delivery[];
}

export function Timeline({ evidence, onSaid }: { evidence: Evidence; onSaid: () => void }) {
  const now = now_s.value;
  return (
    <section>
      <h2>{T.timeline}</h2>
      <ol class="timeline">
        {evidence.events.map((event, i) => (
          <li key={i}>
            <span class="soft" title={absoluteText(event.at)}>{agoText(event.at, now)}</span>
            <div>
              <EventWords event={event} />
            </div>
          </li>
        ))}
      </ol>
      {may("operator") && <CommentForm id={evidence.id} onSaid={onSaid} />}
    </section>
  );
}

function EventWords({ event: { kind, who, text } }: { event: IncidentEvent }) {
  const what = T.events[kind] ?? kind;
  const why = text === null ? "" : TEXT.alerts.unknown[text] ?? text;
  if (kind === "commented") {
    return (
      <>
        <b>
          <bdi>{who ?? T.events.commented}</bdi>
        </b>
        <p class="said">
          <bdi>{text}</bdi>
        </p>
      </>
    );
  }
  return (
    <>
      {what}
      {who !== null && (
        <>
          {" "}
          {TEXT.downtimes.by("")}
          <bdi>{who}</bdi>
        </>
      )}
      {why !== "" && (
        <>
          {kind === "severity" ? " " : ": "}
          <bdi>{why}</bdi>
        </>
      )}
    </>
  );
}

function CommentForm({ id, onSaid }: { id: number; onSaid: () => void }) {
  const [note, setNote] = useState("");
  const [error, setError] = useState<string | undefined>(undefined);
  const send = async () => {
    try {
      const body = { who: whoGiven(), note };
      await request(`/api/v1/incidents/${id}/comment`, { method: "POST", body });
      setNote("");
      setError(undefined);
      onSaid();
    } catch (fault) {
      setError(faultText(fault));
    }
  };
  return (
    <form
      class="comment"
      onSubmit={(event) => {
        event.preventDefault();
        if (note.trim() !== "") void send();
      }}
    >
      <label>
        {TEXT.alerts.comment}
        <textarea
          rows={2}
          maxLength={10_000}
          placeholder={TEXT.alerts.note_hint}
          value={note}
          onInput={({ currentTarget }) => setNote(currentTarget.value)}
        />
      </label>
      {note !== "" && <WhoField />}
      {error !== undefined && <div class="banner error" role="alert">{error}</div>}
      <button type="submit" disabled={note.trim() === ""}>{T.send}</button>
    </form>
  );
}

const DELIVERY_STATES = { sent: "ok", failed: "critical", waiting: "unknown" } as const;

export function Told({ deliveries }: { deliveries: readonly Delivery[] }) {
  const now = now_s.value;
  const stateOf = (state: string) =>
    state === "sent" || state === "failed" ? DELIVERY_STATES[state] : DELIVERY_STATES.waiting;
  return (
    <section>
      <h2>{T.told}</h2>
      {deliveries.length === 0 && <p class="soft">{T.told_nobody}</p>}
      <ol class="timeline">
        {deliveries.map((delivery) => (
          <li key={delivery.id}>
            <span class="soft" title={absoluteText(delivery.sent ?? delivery.created)}>
              {agoText(delivery.sent ?? delivery.created, now)}
            </span>
            <div>
              <StateMark state={stateOf(delivery.state)} /> <bdi>{delivery.channel ?? "–"}</bdi>:
              {" "}
              {T.reasons[delivery.reason] ?? delivery.reason},{" "}
              {T.delivery[delivery.state] ?? delivery.state}
              {delivery.attempts > 1 && ` (${T.attempts(delivery.attempts)})`}
              {delivery.error !== null && (
                <p class="said">
                  <bdi>{delivery.error}</bdi>
                </p>
              )}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function Rule({ evidence: { rule, rule_id } }: { evidence: Evidence }) {
  return (
    <section>
      <h2>{T.rule}</h2>
      <p>
        <bdi>{definitionWords(rule)}</bdi>
      </p>
      <details>
        <summary>{T.whole_rule}</summary>
        <pre tabIndex={0}>{JSON.stringify(rule, null, 2)}</pre>
      </details>
      <p>
        <a class="link" href={`/alerts/rules/${rule_id}`}>{T.rule_now}</a>
      </p>
    </section>
  );
}
