/** What people do about an incident: acknowledge, comment, silence, resolve. Each asks first. */
import { signal } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import { request } from "./api.ts";
import { Ask, NoteFields, whoGiven } from "./dialog.tsx";
import { type Incident, readNews } from "./incidents.ts";
import { now_s } from "./live.ts";
import { clockText, type Moment, quickMoments } from "./moments.ts";
import { TEXT } from "./text.ts";

export type Deed = "acknowledge" | "comment" | "silence" | "resolve";

/** What is asked about just now. Silencing needs no incident, only a host. */
export const asked = signal<
  { deed: Deed; incident: Incident } | { deed: "silence"; host: string } | undefined
>(undefined);
/** Of a silence that was asked for without a choice, by the enter key. */
const DEFAULT_S = 7_200;
/** What was done, until the next is. */
export const done = signal<string | undefined>(undefined);

const T = TEXT.alerts;

function path(incident: Incident, deed: string): string {
  return `/api/v1/incidents/${incident.id}/${deed}`;
}

export async function unacknowledge(incident: Incident): Promise<void> {
  await request(path(incident, "acknowledge"), { method: "DELETE", body: { who: whoGiven() } });
  readNews();
}

/** The window of what is asked about, if anything. */
export function DeedDialog({ onDone }: { onDone?: () => void }) {
  const what = asked.value;
  if (what === undefined) return null;
  const close = () => asked.value = undefined;
  const finished = () => {
    readNews();
    onDone?.();
  };
  if (what.deed === "silence") {
    const host = "incident" in what ? what.incident.host : what.host;
    const incident = "incident" in what ? what.incident : undefined;
    return <Silence host={host} incident={incident} onClose={close} onDone={finished} />;
  }
  const props = { incident: what.incident, onClose: close, onDone: finished };
  if (what.deed === "acknowledge") return <Acknowledge {...props} />;
  return <Say deed={what.deed} {...props} />;
}

interface DeedProps {
  incident: Incident;
  onClose: () => void;
  onDone: () => void;
}

function Acknowledge({ incident, onClose, onDone }: DeedProps) {
  const [note, setNote] = useState("");
  const [until_s, setUntil] = useState<number | undefined>(undefined);
  const [now] = useState(now_s.peek());
  const submit = async () => {
    await request(path(incident, "acknowledge"), {
      method: "POST",
      body: { who: whoGiven(), note, until: until_s },
    });
    onDone();
  };
  return (
    <Ask title={T.acknowledge} action={T.acknowledge} onSubmit={submit} onClose={onClose}>
      <p>
        <bdi>{incident.summary}</bdi>
      </p>
      <NoteFields note={note} onNote={setNote} />
      <label>
        {T.until_label}
        <select
          value={until_s === undefined ? "" : String(until_s)}
          onChange={({ currentTarget }) => setUntil(Number(currentTarget.value) || undefined)}
        >
          <option value="">{T.until_resolved}</option>
          {quickMoments(now).map(({ name, at_s }) => (
            <option key={name} value={String(at_s)}>{T.moments[name]}</option>
          ))}
        </select>
      </label>
      <p class="soft">
        {T.acknowledge_words(until_s === undefined ? undefined : clockText(until_s, now))}
      </p>
    </Ask>
  );
}

function Say({ deed, incident, onClose, onDone }: DeedProps & { deed: "comment" | "resolve" }) {
  const [note, setNote] = useState("");
  const submit = async () => {
    const { resolved } = await request<Partial<Incident>>(path(incident, deed), {
      method: "POST",
      body: { who: whoGiven(), note },
    });
    if (deed === "resolve" && resolved === null) done.value = T.resolving;
    onDone();
  };
  const title = deed === "resolve" ? T.resolve_title : T.comment;
  return (
    <Ask
      title={title}
      action={T[deed]}
      ready={deed === "resolve" || note.trim() !== ""}
      onSubmit={submit}
      onClose={onClose}
    >
      <p>
        <bdi>{incident.summary}</bdi>
      </p>
      {deed === "resolve" && <p class="soft">{T.resolve_words}</p>}
      <NoteFields note={note} onNote={setNote} />
    </Ask>
  );
}

interface SilenceProps {
  host: string;
  incident: Incident | undefined;
  onClose: () => void;
  onDone: () => void;
}

/** One click is a downtime; whatever is not offered here is at the downtimes. */
function Silence({ host, incident, onClose, onDone }: SilenceProps) {
  const [only_rule, setOnlyRule] = useState(false);
  const chosen = useRef<Moment | undefined>(undefined);
  const [now] = useState(now_s.peek());
  const submit = async () => {
    const until_s = chosen.current?.at_s ?? now + DEFAULT_S;
    const rules = only_rule && incident !== undefined ? [incident.rule_name] : [];
    await request("/api/v1/downtimes", {
      method: "POST",
      body: { hosts: [host], rules, end: Math.round(until_s), created_by: whoGiven() },
    });
    done.value = T.silenced(host, clockText(until_s, now));
    onDone();
  };
  const more = new URLSearchParams({ host, ...only_rule && { rule: incident?.rule_name ?? "" } });
  return (
    <Ask title={T.silence_title(host)} onSubmit={submit} onClose={onClose}>
      {incident !== undefined && (
        <label>
          {T.silence_what}
          <select
            value={only_rule ? "rule" : "host"}
            onChange={({ currentTarget }) => setOnlyRule(currentTarget.value === "rule")}
          >
            <option value="host">{T.silence_host}</option>
            <option value="rule">{T.silence_rule(incident.rule_name)}</option>
          </select>
        </label>
      )}
      <div class="bar" role="group" aria-label={T.until_label}>
        {quickMoments(now).map((moment) => (
          <button
            type="submit"
            key={moment.name}
            title={clockText(moment.at_s, now)}
            onClick={() => chosen.current = moment}
          >
            {T.moments[moment.name]}
          </button>
        ))}
      </div>
      <p class="soft">{T.silence_words}</p>
      <p>
        <a class="link" href={`/downtimes?${more}`} onClick={onClose}>{T.other_time}</a>
      </p>
    </Ask>
  );
}
