/** A new downtime: whom, when, and in words what it will do before it does it. */
import { useState } from "preact/hooks";
import { request } from "./api.ts";
import { faultText, Field, WhoField, whoGiven } from "./dialog.tsx";
import { bodyOf, type DowntimeFields } from "./downtime_fields.ts";
import { DowntimePreview } from "./downtime_preview.tsx";
import { DowntimeWhen } from "./downtime_when.tsx";
import { readNews } from "./incidents.ts";
import { now_s, sorted_hosts } from "./live.ts";
import { localText, readerZone } from "./moments.ts";
import { query } from "./route.ts";
import { TEXT } from "./text.ts";

const T = TEXT.downtimes;
const F = T.fields;

/** What is given by the address; else nothing is chosen, for two hours from now. */
function begin(): DowntimeFields {
  return {
    hosts: query.peek().get("host") ?? "",
    tags: "",
    rules: query.peek().get("rule") ?? "",
    all: false,
    is_recurring: false,
    from: "",
    until: localText(now_s.peek() + 7_200),
    every: "week",
    days: [0],
    day_of_month: 1,
    time: "02:00",
    pattern: "",
    lasts: "2h",
    zone: readerZone(),
    last_day: "",
    note: "",
  };
}

export function DowntimeForm({ onDone }: { onDone: () => void }) {
  const [fields, setFields] = useState(begin);
  const [error, setError] = useState<string | undefined>(undefined);
  const change = (changed: Partial<DowntimeFields>) =>
    setFields((before) => ({ ...before, ...changed }));
  const body = bodyOf(fields);
  const save = async () => {
    try {
      await request("/api/v1/downtimes", {
        method: "POST",
        body: { ...body, created_by: whoGiven() },
      });
      readNews();
      onDone();
    } catch (fault) {
      setError(faultText(fault));
    }
  };
  return (
    <form
      class="editor"
      aria-label={T.new}
      onSubmit={(event) => {
        event.preventDefault();
        if (body !== undefined) void save();
      }}
    >
      <div>
        <Whom fields={fields} change={change} />
        <DowntimeWhen fields={fields} change={change} />
        <div class="fields">
          <Field
            name={F.note}
            hint={F.note_hint}
            value={fields.note}
            onInput={(note) => change({ note })}
          />
          <div class="field">
            <WhoField />
          </div>
        </div>
      </div>
      <div class="preview">
        <h2>{T.words}</h2>
        <DowntimePreview body={body} />
        {error !== undefined && <div class="banner error" role="alert">{error}</div>}
        <div class="bar">
          <button class="primary" type="submit" disabled={body === undefined}>{T.create}</button>
          <button type="button" onClick={onDone}>{TEXT.cancel}</button>
        </div>
      </div>
    </form>
  );
}

export interface DowntimePartProps {
  fields: DowntimeFields;
  change: (changed: Partial<DowntimeFields>) => void;
}

function Whom({ fields, change }: DowntimePartProps) {
  const is_named = [fields.hosts, fields.tags, fields.rules].some((text) => text.trim() !== "");
  return (
    <div class="fields">
      <Field
        name={F.hosts}
        hint={F.hosts_hint}
        list="downtime-hosts"
        value={fields.hosts}
        onInput={(hosts) => change({ hosts })}
      />
      <datalist id="downtime-hosts">
        {sorted_hosts.value.map(({ hostname }) => <option key={hostname} value={hostname} />)}
      </datalist>
      <Field
        name={F.tags}
        hint={F.tags_hint}
        value={fields.tags}
        onInput={(tags) => change({ tags })}
      />
      <Field
        name={F.rules}
        hint={F.rules_hint}
        value={fields.rules}
        onInput={(rules) => change({ rules })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={fields.all && !is_named}
          disabled={is_named}
          onChange={({ currentTarget }) => change({ all: currentTarget.checked })}
        />
        {F.all}
      </label>
    </div>
  );
}
