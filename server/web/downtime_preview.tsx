/** What a downtime would do, in words, asked of the server while it is being written. */
import { useEffect, useState } from "preact/hooks";
import type { DowntimePreviewAnswer } from "../wire/downtime.ts";
import { request } from "./api.ts";
import { faultText } from "./dialog.tsx";
import type { DowntimeBody } from "./downtime_fields.ts";
import { incidentLink } from "./incident_list.tsx";
import { now_s } from "./live.ts";
import { clockText } from "./moments.ts";
import { TEXT } from "./text.ts";

const T = TEXT.downtimes;
/** After the last key. */
const WAIT_MS = 250;
/** Names that are listed; all are counted. */
const LISTED_MAX = 12;

export function DowntimePreview({ body }: { body: DowntimeBody | undefined }) {
  const [preview, setPreview] = useState<DowntimePreviewAnswer | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const key = JSON.stringify(body);
  useEffect(() => {
    setError(undefined);
    if (body === undefined) return setPreview(undefined);
    const abort = new AbortController();
    const timer = setTimeout(() => {
      request<DowntimePreviewAnswer>("/api/v1/downtimes/preview", {
        method: "POST",
        body,
        signal: abort.signal,
      }).then(setPreview, (fault) => {
        if (!abort.signal.aborted) setError(faultText(fault));
      });
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  if (error !== undefined) return <p class="fault" role="status">{error}</p>;
  if (body === undefined || preview === undefined) return <p class="soft">{T.incomplete}</p>;
  return <Words preview={preview} />;
}

/** "until 14:00", or with its beginning when that is to come. */
function spanWords({ start, end }: { start: number; end: number }): string {
  const now = now_s.value;
  return start <= now + 60
    ? T.until(clockText(end, now))
    : T.from_until(clockText(start, now), clockText(end, now));
}

function Words({ preview }: { preview: DowntimePreviewAnswer }) {
  const { host_count, hosts, incident_count, incidents, occurrences } = preview;
  const [first, ...later] = occurrences;
  const shown = hosts.slice(0, LISTED_MAX);
  return (
    <div role="status">
      <p class="words">
        {host_count === 0
          ? T.nobody
          : T.preview(host_count, incident_count, first === undefined ? "" : spanWords(first))}
      </p>
      {later.length > 0 && <p>{T.then(later.map(spanWords).join("; "))}</p>}
      <p class="soft">
        {shown.map((name, i) => (
          <span key={name}>
            {i > 0 && ", "}
            <bdi>{name}</bdi>
          </span>
        ))}
        {host_count > shown.length && ` ${T.more(host_count - shown.length)}`}
      </p>
      <ul class="fired">
        {incidents.slice(0, LISTED_MAX).map(({ id, summary }) => (
          <li key={id}>
            <a class="link" href={incidentLink(id)}>
              <bdi>{summary}</bdi>
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
