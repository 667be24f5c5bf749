/** A question in a window of its own: says what will happen, does it, and stays open when that fails. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import { session } from "./session.ts";
import { TEXT } from "./text.ts";

const WHO_KEY = "monitor.who";

function knownWho(): string {
  try {
    return localStorage.getItem(WHO_KEY) ?? "";
  } catch {
    // storage may be forbidden: the name is asked for each time
    return "";
  }
}

/** As typed since the page was opened. */
const typed_who = signal<string | undefined>(undefined);

/** Who sits here: as they have said, as who has logged in, or as was said the last time. */
function who(): string {
  return typed_who.value ?? session.value?.who ?? knownWho();
}

function setWho(name: string): void {
  typed_who.value = name;
  try {
    localStorage.setItem(WHO_KEY, name);
  } catch {
    // it holds until the page is closed
  }
}

/** As the API takes it. */
export function whoGiven(): string | undefined {
  return who().trim() || undefined;
}

/** What went wrong, for people. */
export function faultText(fault: unknown): string {
  return fault instanceof ApiError ? fault.message : TEXT.errors.network;
}

export interface AskProps {
  title: string;
  /** A verb; without it the buttons that do it are among the children. */
  action?: string;
  /** False: what is asked for is not there yet. */
  ready?: boolean;
  onSubmit: () => Promise<unknown>;
  onClose: () => void;
  children?: ComponentChildren;
}

/** Open as long as it is rendered. */
export function Ask({ title, action, ready = true, onSubmit, onClose, children }: AskProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async () => {
    setBusy(true);
    try {
      await onSubmit();
      dialog.current?.close();
    } catch (fault) {
      setError(faultText(fault));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={title}>
      <h2>
        <bdi>{title}</bdi>
      </h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && !busy) void submit();
        }}
      >
        {children}
        {error !== undefined && <div class="banner error" role="alert">{error}</div>}
        <div class="bar">
          {action !== undefined && (
            <button class="primary" type="submit" disabled={!ready || busy}>{action}</button>
          )}
          <button type="button" onClick={() => dialog.current?.close()}>{TEXT.cancel}</button>
        </div>
      </form>
    </dialog>
  );
}

/** Fields for who says it, and what. */
export function NoteFields({ note, onNote }: { note: string; onNote: (text: string) => void }) {
  return (
    <>
      <label>
        {TEXT.alerts.note}
        <textarea
          name="note"
          rows={2}
          placeholder={TEXT.alerts.note_hint}
          maxLength={10_000}
          value={note}
          onInput={({ currentTarget }) => onNote(currentTarget.value)}
        />
      </label>
      <WhoField />
    </>
  );
}

export function WhoField() {
  return (
    <label>
      {TEXT.alerts.who}
      <input
        name="who"
        autocomplete="name"
        maxLength={200}
        value={who()}
        onInput={({ currentTarget }) => setWho(currentTarget.value)}
      />
    </label>
  );
}

/** A field with its name above it. */
export function Field(
  props: {
    name: string;
    value: string;
    hint?: string;
    type?: "text" | "time" | "date" | "datetime-local" | "number";
    list?: string;
    rows?: number;
    onInput: (text: string) => void;
  },
) {
  const { name, value, hint, type = "text", list, rows, onInput } = props;
  return (
    <label class="field">
      <span>{name}</span>
      {rows === undefined
        ? (
          <input
            type={type}
            value={value}
            list={list}
            placeholder={hint}
            onInput={({ currentTarget }) => onInput(currentTarget.value)}
          />
        )
        : (
          <textarea
            rows={rows}
            value={value}
            placeholder={hint}
            onInput={({ currentTarget }) => onInput(currentTarget.value)}
          />
        )}
    </label>
  );
}

/** One of a few, with their names. */
export function Choice<T extends string>(
  props: {
    name: string;
    value: T;
    options: readonly (readonly [T, string])[];
    onChange: (value: T) => void;
  },
) {
  const { name, value, options, onChange } = props;
  return (
    <label class="field">
      <span>{name}</span>
      <select
        value={value}
        onChange={({ currentTarget }) => {
          const chosen = options.find(([one]) => one === currentTarget.value)?.[0];
          if (chosen !== undefined) onChange(chosen);
        }}
      >
        {options.map(([one, text]) => <option key={one} value={one}>{text}</option>)}
      </select>
    </label>
  );
}
