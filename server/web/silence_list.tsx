/** Silences in force or to come, where there are any: who made one by the API sees here what it does. */
import { useState } from "preact/hooks";
import type { SilenceAnswer } from "../wire/silence.ts";
import { useAnswer } from "./answer.ts";
import { request } from "./api.ts";
import { Ask } from "./dialog.tsx";
import { news, now_s } from "./live.ts";
import { clockText } from "./moments.ts";
import { may } from "./session.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";

const T = TEXT.downtimes.silences;

/** `host=web-1 and metric~disk.*`: all of it has to fit. */
export function matcherWords(matchers: SilenceAnswer["matchers"]): string {
  return matchers.map(({ label, op, value }) => `${label}${op}${value}`).join(T.and);
}

export function SilenceList() {
  const [silences, setSilences] = useState<readonly SilenceAnswer[]>([]);
  const [ended, setEnded] = useState(0);
  const [asked, setAsked] = useState<SilenceAnswer | undefined>(undefined);
  const now = now_s.value;
  useAnswer<{ silences: SilenceAnswer[] }>("/api/v1/silences", {
    take: (answer) => setSilences(answer.silences),
    again: `${news.value} ${ended}`,
  });
  const shown = silences.filter(({ end }) => end > now);
  if (shown.length === 0) return null;
  return (
    <section aria-label={T.title}>
      <h2>{T.title}</h2>
      <ul class="incidents">
        {shown.map((silence) => (
          <li key={silence.id} class="incident">
            {silence.start > now ? <span class="state" /> : <StateMark state="downtime" />}
            <div class="what">
              <b>
                <bdi>{matcherWords(silence.matchers)}</bdi>
              </b>
              <small class="soft facts">
                <span>
                  {TEXT.downtimes.span(
                    clockText(silence.start, now),
                    clockText(silence.end, now),
                  )}
                </span>
                {silence.note !== "" && <bdi>{silence.note}</bdi>}
                {silence.created_by !== null && <bdi>{TEXT.downtimes.by(silence.created_by)}</bdi>}
              </small>
            </div>
            {may("operator") && (
              <span class="buttons">
                <button type="button" onClick={() => setAsked(silence)}>{T.end}</button>
              </span>
            )}
          </li>
        ))}
      </ul>
      {asked !== undefined && (
        <Ask
          title={T.end_title}
          action={T.end}
          onSubmit={async () => {
            await request(`/api/v1/silences/${asked.id}`, { method: "DELETE" });
            setEnded((times) => times + 1);
          }}
          onClose={() => setAsked(undefined)}
        >
          <p>
            <b>
              <bdi>{matcherWords(asked.matchers)}</bdi>
            </b>
          </p>
          <p class="soft">{T.end_words}</p>
        </Ask>
      )}
    </section>
  );
}
