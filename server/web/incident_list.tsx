/** Open incidents, the worst first, with what can be done about each. */
import { signal } from "@preact/signals";
import { absoluteText, agoText } from "./format.ts";
import { faultText } from "./dialog.tsx";
import { asked, done, unacknowledge } from "./incident_actions.tsx";
import { hosts_in_downtime, type Incident } from "./incidents.ts";
import { usePageKeys } from "./keys.tsx";
import { hosts, now_s } from "./live.ts";
import { clockText } from "./moments.ts";
import { go, hostLink } from "./route.ts";
import { may } from "./session.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";

const T = TEXT.alerts;
/** Rows at once: a disaster of a thousand is no list any more. */
const SHOWN_MAX = 200;

/** Which incident the keyboard is at. */
const chosen = signal<number | undefined>(undefined);

export function incidentLink(id: number): string {
  return `/alerts/${id}`;
}

/** Keys of a list of incidents: j and k, enter, a, s. */
export function useIncidentKeys(incidents: readonly Incident[], silence_host?: string): void {
  usePageKeys((key) => {
    const at = incidents.findIndex(({ id }) => id === chosen.value);
    // of a host's few the worst is meant, of a long list the one that was chosen
    const is_clear = incidents.length === 1 || silence_host !== undefined;
    const incident = incidents[at] ?? (is_clear && key !== "Enter" ? incidents[0] : undefined);
    if (key === "j") chosen.value = incidents[Math.min(at + 1, incidents.length - 1)]?.id;
    else if (key === "k") chosen.value = incidents[Math.max(at - 1, 0)]?.id;
    else if ((key === "a" || key === "s") && !may("operator")) return false;
    else if (key === "s" && incident === undefined && silence_host !== undefined) {
      asked.value = { deed: "silence", host: silence_host };
    } else if (incident === undefined) return false;
    else if (key === "Enter") go(incidentLink(incident.id));
    else if (key === "a") asked.value = { deed: "acknowledge", incident };
    else if (key === "s") asked.value = { deed: "silence", incident };
    else return false;
    return true;
  });
}

export function IncidentList(
  { incidents, with_host = true }: { incidents: readonly Incident[]; with_host?: boolean },
) {
  return (
    <ul class="incidents">
      {incidents.slice(0, SHOWN_MAX).map((incident) => (
        <li
          key={incident.id}
          class={`incident ${incident.severity} ${incident.id === chosen.value ? "chosen" : ""}`}
        >
          <StateMark state={incident.severity} />
          <div class="what">
            <a href={incidentLink(incident.id)}>
              <bdi>{incident.summary}</bdi>
            </a>
            <IncidentFacts incident={incident} with_host={with_host} />
          </div>
          <IncidentButtons incident={incident} />
        </li>
      ))}
    </ul>
  );
}

/** Host, rule, since when, and who looks after it. */
function IncidentFacts({ incident, with_host }: { incident: Incident; with_host: boolean }) {
  const { host, rule_name, opened, acknowledged, flapping, unknown } = incident;
  const now = now_s.value;
  const alias = hosts.value?.get(host)?.alias;
  const silent = hosts_in_downtime.value.get(host)?.active;
  return (
    <small class="soft facts">
      {with_host && (
        <a href={hostLink(host)}>
          <bdi>{alias ?? host}</bdi>
        </a>
      )}
      <bdi>{rule_name}</bdi>
      <span title={absoluteText(opened)}>{agoText(opened, now)}</span>
      {flapping && <span>{T.flapping}</span>}
      {unknown !== null && <span>{T.unknown[unknown] ?? unknown}</span>}
      {acknowledged !== null && (
        <bdi>
          {T.acknowledged(acknowledged.who)}
          {acknowledged.until !== null && ` ${T.until(clockText(acknowledged.until, now))}`}
          {acknowledged.note ? `: ${acknowledged.note}` : ""}
        </bdi>
      )}
      {silent && (
        <span>
          {TEXT.state.downtime} {T.until(clockText(silent.end, now))}
        </span>
      )}
    </small>
  );
}

export function IncidentButtons({ incident }: { incident: Incident }) {
  const ask = (deed: "acknowledge" | "comment" | "silence" | "resolve") => () =>
    asked.value = { deed, incident };
  const takeBack = () => {
    unacknowledge(incident).catch((fault) => done.value = faultText(fault));
  };
  if (!may("operator")) return null;
  return (
    <span class="buttons">
      {incident.acknowledged === null
        ? <button type="button" onClick={ask("acknowledge")}>{T.acknowledge}</button>
        : <button type="button" onClick={takeBack}>{T.unacknowledge}</button>}
      <button type="button" onClick={ask("silence")}>{T.silence}</button>
      <button type="button" onClick={ask("comment")}>{T.comment}</button>
      <button type="button" onClick={ask("resolve")}>{T.resolve}</button>
    </span>
  );
}
