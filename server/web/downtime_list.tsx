/** All downtimes that are not over, and what can be done with each. */
import { useState } from "preact/hooks";
import type { DowntimeAnswer } from "../wire/downtime.ts";
import { request } from "./api.ts";
import { Ask } from "./dialog.tsx";
import { agoText, valueText } from "./format.ts";
import { readNews } from "./incidents.ts";
import { now_s } from "./live.ts";
import { clockText } from "./moments.ts";
import { patternText } from "./recurrence.ts";
import { StateMark } from "./state_mark.tsx";
import { may } from "./session.ts";
import { TEXT } from "./text.ts";

const T = TEXT.downtimes;
type Deed = "extend" | "end" | "remove";
const HOURS = [1, 2, 8, 24];

/** What it is about, in words. */
export function aboutWords(
  { hostname, hosts, tags, rules }: Pick<DowntimeAnswer, "hostname" | "hosts" | "tags" | "rules">,
): string {
  const parts = [
    ...hostname === null ? [] : [hostname],
    ...hosts,
    ...Object.entries(tags).map(([name, value]) => `${name}=${value}`),
    ...rules.map(T.rule),
  ];
  return parts.length === 0 ? T.everything : parts.join(", ");
}

function whenWords(
  { pattern, duration_s, zone, start, end, active, next }: DowntimeAnswer,
): string {
  const now = now_s.value;
  const parts = [];
  if (pattern !== null) {
    parts.push(`${patternText(pattern)} ${T.lasting(valueText(duration_s, "s"))} (${zone})`);
  } else parts.push(T.span(clockText(start, now), end === null ? "" : clockText(end, now)));
  const [first] = next;
  if (active !== null) parts.push(T.now(clockText(active.end, now)));
  else if (first !== undefined) {
    parts.push(pattern === null ? agoText(first.start, now) : T.next(clockText(first.start, now)));
  }
  return parts.join(" · ");
}

export function DowntimeList({ downtimes }: { downtimes: readonly DowntimeAnswer[] }) {
  const [asked, setAsked] = useState<{ deed: Deed; downtime: DowntimeAnswer } | undefined>(
    undefined,
  );
  return (
    <>
      <ul class="incidents">
        {downtimes.map((downtime) => (
          <li key={downtime.id} class="incident">
            {downtime.active === null ? <span class="state" /> : <StateMark state="downtime" />}
            <div class="what">
              <b>
                <bdi>{aboutWords(downtime)}</bdi>
              </b>
              <small class="soft facts">
                <span>{whenWords(downtime)}</span>
                {downtime.note !== "" && <bdi>{downtime.note}</bdi>}
                {downtime.created_by !== null && <bdi>{T.by(downtime.created_by)}</bdi>}
              </small>
            </div>
            <span class="buttons">
              {(may("operator") ? deedsOf(downtime) : []).map((deed) => (
                <button
                  type="button"
                  key={deed}
                  onClick={() => setAsked({ deed, downtime })}
                >
                  {T[deed]}
                </button>
              ))}
            </span>
          </li>
        ))}
      </ul>
      {asked?.deed === "extend" && (
        <Extend
          downtime={asked.downtime}
          onClose={() => setAsked(undefined)}
        />
      )}
      {(asked?.deed === "end" || asked?.deed === "remove") && (
        <EndOrRemove
          deed={asked.deed}
          downtime={asked.downtime}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  );
}

function deedsOf({ active, pattern }: DowntimeAnswer): Deed[] {
  if (active === null) return pattern === null ? ["extend", "remove"] : ["remove"];
  return pattern === null ? ["extend", "end"] : ["extend", "end", "remove"];
}

interface DeedProps {
  downtime: DowntimeAnswer;
  onClose: () => void;
}

function Extend({ downtime, onClose }: DeedProps) {
  const [hours, setHours] = useState(1);
  const [now] = useState(now_s.peek());
  const end_s = downtime.active?.end ?? downtime.end ?? now;
  const submit = async () => {
    const path = `/api/v1/downtimes/${downtime.id}/extend`;
    await request(path, { method: "POST", body: { by_s: hours * 3_600 } });
    readNews();
  };
  return (
    <Ask title={T.extend_title} action={T.extend} onSubmit={submit} onClose={onClose}>
      <div class="bar" role="group" aria-label={T.extend}>
        {HOURS.map((one) => (
          <button
            type="button"
            key={one}
            aria-pressed={one === hours}
            onClick={() => setHours(one)}
          >
            {valueText(one * 3_600, "s")}
          </button>
        ))}
      </div>
      <p>{T.extend_words(clockText(end_s + hours * 3_600, now))}</p>
    </Ask>
  );
}

function EndOrRemove({ deed, downtime, onClose }: DeedProps & { deed: "end" | "remove" }) {
  const submit = async () => {
    const path = `/api/v1/downtimes/${downtime.id}`;
    if (deed === "end") await request(`${path}/end`, { method: "POST" });
    else await request(path, { method: "DELETE" });
    readNews();
  };
  const [title, words] = deed === "end"
    ? [T.end_title, T.end_words]
    : [T.remove_title, T.remove_words];
  return (
    <Ask title={title} action={T[deed]} onSubmit={submit} onClose={onClose}>
      <p>
        <b>
          <bdi>{aboutWords(downtime)}</bdi>
        </b>{" "}
        {whenWords(downtime)}
      </p>
      <p class="soft">{words}</p>
    </Ask>
  );
}
