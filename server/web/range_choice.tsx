/** Which time the charts show: one that moves with the clock, or any two moments. */
import { useRef, useState } from "preact/hooks";
import { now_s } from "./live.ts";
import { isLive, presetOf, PRESETS, readLocal, spanOf, writeLocal } from "./range.ts";
import { range, setQuery } from "./route.ts";
import { TEXT } from "./text.ts";
import { resumeLive, showSpan } from "./zoom.ts";

const CUSTOM = "custom";

export function RangeChoice() {
  const preset = presetOf(range.value);
  const dialog = useRef<HTMLDialogElement>(null);
  const choose = (value: string) => {
    if (value === CUSTOM) dialog.current?.showModal();
    else if (value !== "") setQuery({ from: `now-${value}`, to: undefined });
  };
  return (
    <>
      {!isLive(range.value) && (
        <button type="button" class="resume" onClick={resumeLive}>{TEXT.range.resume}</button>
      )}
      <label>
        <span class="hidden-label">{TEXT.range.name}</span>
        <select
          value={preset ?? ""}
          onChange={({ currentTarget }) => {
            choose(currentTarget.value);
            // what is chosen in the dialog may be nothing
            currentTarget.value = presetOf(range.value) ?? "";
          }}
        >
          {preset === undefined && <option value="">{spanText()}</option>}
          {PRESETS.map((one) => <option key={one} value={one}>{TEXT.range.last(one)}</option>)}
          <option value={CUSTOM}>{TEXT.range.custom}</option>
        </select>
      </label>
      <CustomRange dialog={dialog} />
    </>
  );
}

/** The two moments in few words. */
function spanText(): string {
  const { from_s, to_s } = spanOf(range.value, now_s.peek());
  const same_day = new Date(from_s * 1000).toDateString() === new Date(to_s * 1000).toDateString();
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const day = { day: "numeric", month: "short" } as const;
  const text = (at_s: number, form: Intl.DateTimeFormatOptions) =>
    new Date(at_s * 1000).toLocaleString(undefined, form);
  return same_day
    ? `${text(from_s, { ...day, ...time })} – ${text(to_s, time)}`
    : `${text(from_s, { ...day, ...time })} – ${text(to_s, { ...day, ...time })}`;
}

function CustomRange({ dialog }: { dialog: { current: HTMLDialogElement | null } }) {
  const form = useRef<HTMLFormElement>(null);
  const [error, setError] = useState<string | undefined>(undefined);
  const { from_s, to_s } = spanOf(range.value, now_s.peek());
  const show = () => {
    if (form.current === null) return;
    const given = new FormData(form.current);
    const [from, to] = ["from", "to"].map((name) => readLocal(String(given.get(name) ?? "")));
    if (from === undefined || to === undefined || from >= to) {
      setError(TEXT.range.wrong);
      return;
    }
    setError(undefined);
    showSpan({ from_s: from, to_s: to });
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} aria-label={TEXT.range.any}>
      <h2>{TEXT.range.any}</h2>
      <form
        ref={form}
        key={`${range.value.from} ${range.value.to}`}
        onSubmit={(event) => {
          event.preventDefault();
          show();
        }}
      >
        {([["from", TEXT.range.from, from_s], ["to", TEXT.range.to, to_s]] as const).map((
          [name, text, at_s],
        ) => (
          <label key={name}>
            {text}
            <input
              type="datetime-local"
              name={name}
              required
              step={1}
              defaultValue={writeLocal(at_s)}
            />
          </label>
        ))}
        <p class="soft">{TEXT.range.zone(Intl.DateTimeFormat().resolvedOptions().timeZone)}</p>
        {error !== undefined && <div class="banner error" role="alert">{error}</div>}
        <div class="bar">
          <button class="primary" type="submit">{TEXT.range.show}</button>
          <button type="button" onClick={() => dialog.current?.close()}>{TEXT.cancel}</button>
        </div>
      </form>
    </dialog>
  );
}
