/** What people say about a host: its alias, where it is, its tags. */
import { useRef, useState } from "preact/hooks";
import { ApiError, type HostGlance, request } from "./api.ts";
import { readHosts } from "./live.ts";
import { TEXT } from "./text.ts";
import { forOperators } from "./viewer_note.tsx";

/** `key=value` a line; a line without `=` is a key with an empty value. */
function readTags(text: string): Record<string, string> {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => {
    const [key = "", ...value] = line.split("=");
    return [key.trim(), value.join("=").trim()];
  }));
}

export function HostEdit({ host }: { host: HostGlance }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [error, setError] = useState<string | undefined>(undefined);
  const save = async () => {
    if (form.current === null) return;
    const given = new FormData(form.current);
    const text = (name: string) => String(given.get(name) ?? "").trim();
    try {
      await request(`/api/v1/hosts/${encodeURIComponent(host.hostname)}`, {
        method: "PATCH",
        body: {
          alias: text("alias") || null,
          location: text("location") || null,
          tags: readTags(text("tags")),
        },
      });
      await readHosts();
      dialog.current?.close();
    } catch (fault) {
      setError(fault instanceof ApiError ? fault.message : TEXT.errors.network);
    }
  };
  const open = () => {
    setError(undefined);
    form.current?.reset();
    dialog.current?.showModal();
  };
  const tags = Object.entries(host.tags).map(([key, value]) => `${key}=${value}`).join("\n");
  return (
    <>
      <button type="button" class="plain soft" onClick={open} {...forOperators()}>
        {TEXT.host.edit}
      </button>
      <dialog ref={dialog} aria-label={TEXT.host.edit_title(host.hostname)}>
        <h2>
          <bdi>{TEXT.host.edit_title(host.hostname)}</bdi>
        </h2>
        <form
          ref={form}
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <label>
            {TEXT.host.alias}
            <input name="alias" maxLength={255} defaultValue={host.alias ?? ""} />
          </label>
          <label>
            {TEXT.host.location}
            <input name="location" maxLength={255} defaultValue={host.location ?? ""} />
          </label>
          <label>
            {TEXT.host.tags}
            <textarea name="tags" rows={4} defaultValue={tags} />
          </label>
          <p class="soft">{TEXT.host.edit_note}</p>
          {error !== undefined && <div class="banner error" role="alert">{error}</div>}
          <div class="bar">
            <button class="primary" type="submit">{TEXT.save}</button>
            <button type="button" onClick={() => dialog.current?.close()}>{TEXT.cancel}</button>
          </div>
        </form>
      </dialog>
    </>
  );
}
