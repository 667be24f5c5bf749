/** When a downtime is: one time, or one that comes again, of plain choices. */
import { Choice, Field } from "./dialog.tsx";
import type { DowntimeFields } from "./downtime_fields.ts";
import { now_s } from "./live.ts";
import { localText, quickMoments } from "./moments.ts";
import { DAYS, type Every } from "./recurrence.ts";
import { TEXT } from "./text.ts";

const T = TEXT.downtimes;
const F = T.fields;
const KINDS = [["once", F.once], ["recurring", F.recurring]] as const;
const EVERIES: readonly (readonly [Every, string])[] = [
  ["day", T.every.day],
  ["weekdays", T.every.weekdays],
  ["week", T.every.week],
  ["month", T.every.month],
  ["pattern", T.every.pattern],
];
/** Monday first. */
const WEEK = [1, 2, 3, 4, 5, 6, 0];

interface PartProps {
  fields: DowntimeFields;
  change: (changed: Partial<DowntimeFields>) => void;
}

export function DowntimeWhen({ fields, change }: PartProps) {
  return (
    <>
      <div class="fields">
        <Choice
          name={F.when}
          value={fields.is_recurring ? "recurring" : "once"}
          options={KINDS}
          onChange={(kind) => change({ is_recurring: kind === "recurring", from: "" })}
        />
      </div>
      {fields.is_recurring
        ? <Recurring fields={fields} change={change} />
        : <Once fields={fields} change={change} />}
    </>
  );
}

function Once({ fields, change }: PartProps) {
  return (
    <>
      <div class="bar" role="group" aria-label={F.until}>
        {quickMoments(now_s.peek()).map(({ name, at_s }) => (
          <button
            type="button"
            key={name}
            aria-pressed={fields.from === "" && fields.until === localText(at_s)}
            onClick={() => change({ from: "", until: localText(at_s) })}
          >
            {TEXT.alerts.moments[name]}
          </button>
        ))}
      </div>
      <div class="fields">
        <Field
          name={F.from}
          type="datetime-local"
          value={fields.from}
          onInput={(from) => change({ from })}
        />
        <Field
          name={F.until}
          type="datetime-local"
          value={fields.until}
          onInput={(until) => change({ until })}
        />
      </div>
    </>
  );
}

function Recurring({ fields, change }: PartProps) {
  const { every } = fields;
  return (
    <>
      <div class="fields">
        <Choice
          name={F.every}
          value={every}
          options={EVERIES}
          onChange={(one) => change({ every: one })}
        />
        {every === "pattern"
          ? (
            <Field
              name={F.pattern}
              hint={F.pattern_hint}
              value={fields.pattern}
              onInput={(pattern) => change({ pattern })}
            />
          )
          : (
            <Field
              name={F.at}
              type="time"
              value={fields.time}
              onInput={(time) => change({ time })}
            />
          )}
        {every === "month" && (
          <Field
            name={F.day_of_month}
            type="number"
            value={String(fields.day_of_month)}
            onInput={(text) => change({ day_of_month: Number(text) })}
          />
        )}
        <Field
          name={F.lasts}
          hint={F.lasts_hint}
          value={fields.lasts}
          onInput={(lasts) => change({ lasts })}
        />
        <Field name={F.zone} value={fields.zone} onInput={(zone) => change({ zone })} />
        <Field
          name={F.last}
          type="date"
          hint={F.last_hint}
          value={fields.last_day}
          onInput={(last_day) => change({ last_day })}
        />
      </div>
      {every === "week" && <Weekdays fields={fields} change={change} />}
    </>
  );
}

function Weekdays({ fields: { days }, change }: PartProps) {
  return (
    <div class="bar">
      <span class="group" role="group" aria-label={F.days}>
        {WEEK.map((day) => (
          <button
            type="button"
            key={day}
            aria-label={DAYS[day]}
            aria-pressed={days.includes(day)}
            onClick={() =>
              change({
                days: days.includes(day) ? days.filter((one) => one !== day) : [...days, day],
              })}
          >
            {DAYS[day]?.slice(0, 3)}
          </button>
        ))}
      </span>
    </div>
  );
}
