/** Incidents of the past, searched; the question is the page's address. */
import { useEffect, useRef, useState } from "preact/hooks";
import { pathWith, request } from "./api.ts";
import { faultText } from "./dialog.tsx";
import { absoluteText, agoText, valueText } from "./format.ts";
import { incidentLink } from "./incident_list.tsx";
import type { Incident, IncidentPage } from "./incidents.ts";
import { now_s, sorted_hosts } from "./live.ts";
import { hostLink, query, setQuery } from "./route.ts";
import { Failure, Skeletons } from "./skeletons.tsx";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";

const T = TEXT.alerts.history;
const PAGE = 50;
/** While somebody types. */
const WAIT_MS = 250;
const NAMES = ["text", "host", "severity", "state", "rule"] as const;

/** The question in the address. */
function asked(): Record<string, string | undefined> {
  return Object.fromEntries(NAMES.map((name) => [name, query.value.get(name) || undefined]));
}

interface Found {
  incidents: Incident[];
  next: string | null;
}

export function IncidentHistory() {
  const [found, setFound] = useState<Found | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const key = JSON.stringify(asked());
  const newest = useRef(key);
  newest.current = key;
  const read = (after?: string) => {
    const path = pathWith("/api/v1/incidents", { ...asked(), limit: PAGE, after });
    return request<IncidentPage>(path).then((page) => {
      // somebody has typed on meanwhile: this is not what is asked for any more
      if (newest.current !== key) return;
      setFound((before) => {
        if (after === undefined) return page;
        // asked for twice by two clicks
        if (before?.next !== after) return before;
        return { ...page, incidents: [...before.incidents, ...page.incidents] };
      });
      setError(undefined);
    }, (fault) => setError(faultText(fault)));
  };
  useEffect(() => {
    const timer = setTimeout(() => void read(), found === undefined ? 0 : WAIT_MS);
    return () => clearTimeout(timer);
  }, [key]);
  const is_asked = Object.values(asked()).some((value) => value !== undefined);
  return (
    <>
      <Question />
      {error !== undefined && <Failure error={error} onRetry={() => void read()} />}
      {found === undefined
        ? error === undefined && <Skeletons height_px={36} />
        : found.incidents.length === 0
        ? <p class="soft">{is_asked ? T.none : T.never}</p>
        : <Rows incidents={found.incidents} />}
      {found !== undefined && found.next !== null && (
        <p>
          <button type="button" onClick={() => void read(found.next ?? undefined)}>{T.more}</button>
        </p>
      )}
    </>
  );
}

function Question() {
  const given = asked();
  const change = (name: string) => (value: string) =>
    setQuery({ [name]: value }, { replace: true });
  const choice = (
    name: string,
    text: string,
    options: readonly (readonly [string, string])[],
  ) => (
    <label>
      <span class="hidden-label">{text}</span>
      <select
        value={given[name] ?? ""}
        onChange={({ currentTarget }) => change(name)(currentTarget.value)}
      >
        <option value="">{text}</option>
        {options.map(([value, shown]) => <option key={value} value={value}>{shown}</option>)}
      </select>
    </label>
  );
  return (
    <div class="bar">
      <input
        type="search"
        placeholder={T.search}
        aria-label={T.search}
        value={given.text ?? ""}
        onInput={({ currentTarget }) => change("text")(currentTarget.value)}
      />
      <input
        type="search"
        placeholder={T.host}
        aria-label={T.host}
        list="history-hosts"
        value={given.host ?? ""}
        onInput={({ currentTarget }) => change("host")(currentTarget.value)}
      />
      <datalist id="history-hosts">
        {sorted_hosts.value.map(({ hostname }) => <option key={hostname} value={hostname} />)}
      </datalist>
      {choice("severity", T.severity, [
        ["critical", TEXT.state.critical],
        ["warning", TEXT.state.warning],
      ])}
      {choice("state", T.state, [["open", "Open"], ["resolved", "Over"]])}
    </div>
  );
}

function Rows({ incidents }: { incidents: readonly Incident[] }) {
  const now = now_s.value;
  return (
    <table class="table scrolls">
      <thead>
        <tr>
          <th class="mark" />
          {T.columns.map((text) => <th key={text}>{text}</th>)}
        </tr>
      </thead>
      <tbody>
        {incidents.map((incident) => (
          <tr key={incident.id}>
            <td class="mark">
              <StateMark state={incident.worst_severity} />
            </td>
            <td>
              <a class="link" href={incidentLink(incident.id)}>
                <bdi>{incident.summary}</bdi>
              </a>
            </td>
            <td>
              <a href={hostLink(incident.host)}>
                <bdi>{incident.host}</bdi>
              </a>
            </td>
            <td>
              <bdi>{incident.rule_name}</bdi>
            </td>
            <td class="nowrap" title={absoluteText(incident.opened)}>
              {agoText(incident.opened, now)}
            </td>
            <td class="nowrap">
              {incident.resolved === null
                ? TEXT.alerts.lasted.open
                : valueText(incident.resolved - incident.opened, "s")}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
