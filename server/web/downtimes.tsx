/** Downtimes: the days to come, all of them, and new ones. */
import { useState } from "preact/hooks";
import type { DowntimeAnswer, DowntimeSpan } from "../wire/downtime.ts";
import { useAnswer } from "./answer.ts";
import { pathWith } from "./api.ts";
import { faultText } from "./dialog.tsx";
import { DowntimeForm } from "./downtime_form.tsx";
import { aboutWords, DowntimeList } from "./downtime_list.tsx";
import { downtimes, downtimes_error, readDowntimes } from "./incidents.ts";
import { news, now_s } from "./live.ts";
import { clockText, dayAt } from "./moments.ts";
import { go, query } from "./route.ts";
import { Failure, Skeletons } from "./skeletons.tsx";
import { may } from "./session.ts";
import { SilenceList } from "./silence_list.tsx";
import { TEXT } from "./text.ts";
import { ViewerNote } from "./viewer_note.tsx";

const T = TEXT.downtimes;
const DAYS = 14;

export function Downtimes() {
  const all = downtimes.value;
  const error = downtimes_error.value;
  // a host or an incident leads here with what is to be silenced
  const is_new = may("operator") && ["new", "host", "rule"].some((name) => query.value.has(name));
  return (
    <>
      <div class="bar">
        <h1>{TEXT.pages.downtimes}</h1>
        <span class="space" />
        {!is_new && may("operator") && (
          <button
            type="button"
            class="primary"
            onClick={() => go("/downtimes", { query: { new: "1" } })}
          >
            {T.new}
          </button>
        )}
      </div>
      <ViewerNote />
      {error !== undefined && <Failure error={error} onRetry={() => void readDowntimes()} />}
      {is_new && <DowntimeForm key={location.search} onDone={() => go("/downtimes")} />}
      {all === undefined
        ? error === undefined && <Skeletons />
        : all.length === 0
        ? !is_new && (
          <div class="empty">
            <p>{T.none}</p>
            <p class="soft">{T.none_why}</p>
          </div>
        )
        : (
          <>
            <Calendar downtimes={all} />
            <h2>{T.list}</h2>
            <DowntimeList downtimes={all} />
          </>
        )}
      <SilenceList />
      <p class="soft">
        {T.title} <a class="link" href="/api/v1/downtimes.ics">{T.feed}</a>
      </p>
    </>
  );
}

/** The days to come, a bar each time, a line each downtime. */
function Calendar({ downtimes: all }: { downtimes: readonly DowntimeAnswer[] }) {
  const [spans, setSpans] = useState<readonly DowntimeSpan[]>([]);
  const [error, setError] = useState<string | undefined>(undefined);
  const now = now_s.value;
  const from_s = dayAt(now, 0, 0);
  const to_s = dayAt(now, DAYS, 0);
  useAnswer<{ spans: DowntimeSpan[] }>(
    pathWith("/api/v1/downtimes/spans", { from: from_s, to: to_s }),
    {
      take: (answer) => {
        setSpans(answer.spans);
        setError(undefined);
      },
      onFault: (fault) => setError(faultText(fault)),
      again: `${news.value} ${JSON.stringify(all)}`,
    },
  );
  const place = (at_s: number) =>
    `${Math.min(100, Math.max(0, (at_s - from_s) / (to_s - from_s) * 100))}%`;
  const days = Array.from({ length: DAYS }, (_, day) => dayAt(now, day, 0));
  if (error !== undefined) return <div class="banner error" role="alert">{error}</div>;
  return (
    <section aria-label={T.calendar(DAYS)}>
      <h2>{T.calendar(DAYS)}</h2>
      <div class="calendar">
        <div class="line days" aria-hidden="true">
          <span />
          <div>
            {days.map((day) => (
              <span key={day} style={{ left: place(day) }}>
                {new Date(day * 1000).toLocaleDateString(undefined, {
                  weekday: "narrow",
                  day: "numeric",
                })}
              </span>
            ))}
          </div>
        </div>
        {all.map((downtime) => (
          <div class="line" key={downtime.id}>
            <bdi title={aboutWords(downtime)}>{aboutWords(downtime)}</bdi>
            <div>
              {days.map((day) => <i key={day} style={{ left: place(day) }} />)}
              <i class="now" style={{ left: place(now) }} />
              {spans.filter(({ id }) => id === downtime.id).map(({ start, end }) => (
                <b
                  key={start}
                  role="img"
                  aria-label={T.span(clockText(start, now), clockText(end, now))}
                  title={T.span(clockText(start, now), clockText(end, now))}
                  style={{
                    left: place(start),
                    width: `max(4px, calc(${place(end)} - ${place(start)}))`,
                  }}
                />
              ))}
            </div>
          </div>
        ))}
      </div>
    </section>
  );
}
