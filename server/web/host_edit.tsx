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

/** @throws ApiError */
async function saveHost(
  { hostname, given, behind }: { hostname: string; given: FormData; behind?: readonly string[] },
): Promise<void> {
  const text = (name: string) => String(given.get(name) ?? "").trim();
  const name = encodeURIComponent(hostname);
  // first, as it may name a host that is not there: then nothing has changed
  const parents = readLines(text("parents"));
  if (behind !== undefined && parents.join("\n") !== behind.join("\n")) {
    await request(`/api/v1/parents/${name}`, { method: "PUT", body: { parents } });
  }
  await request(`/api/v1/hosts/${name}`, {
    method: "PATCH",
    body: {
      alias: text("alias") || null,
      location: text("location") || null,
      tags: readTags(text("tags")),
    },
  });
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
      await saveHost({ hostname, given: new FormData(form.current), behind });
      dialog.current?.close();
    } catch (fault) {
      setError(fault instanceof ApiError ? fault.message : TEXT.errors.network);
    }
  };
  const open = () => {
    setError(undefined);
    setBehind(undefined);
    setOpened(opened + 1);
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
