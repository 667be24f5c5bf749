/** What people say about a host: its alias, where it is, its tags, what it is behind. */
import { useRef, useState } from "preact/hooks";
import type { ParentsAnswer } from "../wire/silence.ts";
import { useAnswer } from "./answer.ts";
import { ApiError, type HostGlance, request } from "./api.ts";
import { readHosts } from "./live.ts";
import { TEXT } from "./text.ts";
import { forOperators } from "./viewer_note.tsx";

function readLines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** `key=value` a line; a line without `=` is a key with an empty value. */
function readTags(text: string): Record<string, string> {
  return Object.fromEntries(
    readLines(text).map((line) => {
      const [key = "", ...value] = line.split("=");
      return [key.trim(), value.join("=").trim()];
    }),
  );
}

/** What somebody has written into a field; undefined when they left it as it was. */
function changedText(form: HTMLFormElement, name: string): string | undefined {
  const field = form.elements.namedItem(name);
  const is_field = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement;
  return is_field && field.value !== field.defaultValue ? field.value.trim() : undefined;
}

/**
 * Sends what was changed, and nothing else: others may say something of the same host meanwhile.
 *
 * @throws ApiError
 */
async function saveHost(hostname: string, form: HTMLFormElement): Promise<void> {
  const name = encodeURIComponent(hostname);
  const [alias, location, tags, parents] = ["alias", "location", "tags", "parents"]
    .map((field) => changedText(form, field));
  // first, as it may name a host that is not there: then nothing has changed
  if (parents !== undefined) {
    const body = { parents: readLines(parents) };
    await request(`/api/v1/parents/${name}`, { method: "PUT", body });
  }
  const body = {
    ...(alias === undefined ? {} : { alias: alias || null }),
    ...(location === undefined ? {} : { location: location || null }),
    ...(tags === undefined ? {} : { tags: readTags(tags) }),
  };
  if (Object.keys(body).length > 0) {
    await request(`/api/v1/hosts/${name}`, { method: "PATCH", body });
  }
  await readHosts();
}

function Fields({ host, behind }: { host: HostGlance; behind: readonly string[] | undefined }) {
  const tags = Object.entries(host.tags).map(([key, value]) => `${key}=${value}`).join("\n");
  return (
    <>
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
      <label>
        {TEXT.host.parents}
        <textarea
          name="parents"
          rows={2}
          disabled={behind === undefined}
          defaultValue={behind?.join("\n")}
        />
      </label>
      <p class="soft">{TEXT.host.parents_note}</p>
    </>
  );
}

export function HostEdit({ host }: { host: HostGlance }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [error, setError] = useState<string | undefined>(undefined);
  const [opened, setOpened] = useState(0);
  const [behind, setBehind] = useState<readonly string[] | undefined>(undefined);
  const { hostname } = host;
  // what a host is behind is asked for when somebody looks at it
  useAnswer<ParentsAnswer>(opened === 0 ? undefined : "/api/v1/parents", {
    take: ({ parents }) => setBehind(parents[hostname] ?? []),
    again: `${hostname} ${opened}`,
  });
  const save = async () => {
    if (form.current === null) return;
    try {
      await saveHost(hostname, form.current);
      dialog.current?.close();
    } catch (fault) {
      setError(fault instanceof ApiError ? fault.message : TEXT.errors.network);
    }
  };
  const open = () => {
    setError(undefined);
    setBehind(undefined);
    setOpened(opened + 1);
    // what others have said of it since this page was opened
    void readHosts();
    form.current?.reset();
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" class="plain soft" onClick={open} {...forOperators()}>
        {TEXT.host.edit}
      </button>
      <dialog ref={dialog} aria-label={TEXT.host.edit_title(hostname)}>
        <h2>
          <bdi>{TEXT.host.edit_title(hostname)}</bdi>
        </h2>
        <form
          ref={form}
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <Fields host={host} behind={behind} />
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
