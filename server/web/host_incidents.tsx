/** A host's incidents and downtimes: the open ones as a list, all of the shown time for its charts. */
import { useCallback, useEffect, useState } from "preact/hooks";
import type { DowntimeSpan } from "../wire/downtime.ts";
import { pathWith, request } from "./api.ts";
import { type Marks, marksOf } from "./chart_marks.ts";
import type { ChartPlan } from "./chart_data.ts";
import { asked, DeedDialog } from "./incident_actions.tsx";
import { IncidentList, useIncidentKeys } from "./incident_list.tsx";
import {
  hosts_in_downtime,
  type Incident,
  type IncidentPage,
  incidents_by_host,
} from "./incidents.ts";
import { hosts, news, now_s } from "./live.ts";
import { clockText } from "./moments.ts";
import { spanOf } from "./range.ts";
import { range } from "./route.ts";
import type { RuleDefinition } from "./rule_fields.ts";
import type { RuleRow } from "./rule_list.tsx";
import { may } from "./session.ts";
import { TEXT } from "./text.ts";

const INCIDENTS_MAX = 500;

/** What is wrong with the host now, and the keys `a` and `s`. */
export function HostIncidents({ hostname }: { hostname: string }) {
  const incidents = incidents_by_host.value.get(hostname) ?? [];
  useIncidentKeys(incidents, hostname);
  const active = hosts_in_downtime.value.get(hostname)?.active;
  return (
    <>
      {active && (
        <div class="banner downtime">
          <a href="/downtimes">
            {TEXT.state.downtime} {TEXT.alerts.until(clockText(active.end, now_s.value))}
          </a>
        </div>
      )}
      <IncidentList incidents={incidents} with_host={false} />
      <DeedDialog />
    </>
  );
}

export function SilenceButton({ hostname }: { hostname: string }) {
  return (
    <button
      type="button"
      class="plain soft"
      disabled={!may("operator")}
      title={may("operator") ? undefined : TEXT.needs_operator}
      onClick={() => asked.value = { deed: "silence", host: hostname }}
    >
      {TEXT.alerts.silence}
    </button>
  );
}

interface Facts {
  incidents: readonly Incident[];
  downtimes: readonly DowntimeSpan[];
  rules: readonly RuleDefinition[];
}

/** Gives each chart its marks: the host's incidents, downtimes and rules over the shown time. */
export function useHostMarks(hostname: string): (plan: ChartPlan) => Marks {
  const [facts, setFacts] = useState<Facts>({ incidents: [], downtimes: [], rules: [] });
  const shown = range.value;
  useEffect(() => {
    let is_over = false;
    const { from_s, to_s } = spanOf(shown, now_s.peek());
    const incidents = pathWith("/api/v1/incidents", { host: hostname, limit: INCIDENTS_MAX });
    const downtimes = pathWith("/api/v1/downtimes/spans", {
      hostname,
      from: from_s.toFixed(0),
      to: Math.ceil(to_s),
    });
    // without them the charts are charts still; the list of incidents says when the server is away
    void Promise.all([
      request<IncidentPage>(incidents),
      request<{ spans: DowntimeSpan[] }>(downtimes),
      request<{ rules: RuleRow[] }>("/api/v1/rules"),
    ]).then(([page, { spans }, { rules }]) => {
      if (is_over) return;
      setFacts({
        incidents: page.incidents,
        downtimes: spans,
        rules: rules.filter(({ enabled }) => enabled).map(({ rule }) => rule),
      });
    }, () => {});
    return () => is_over = true;
  }, [hostname, JSON.stringify(shown), news.value]);
  const tags = hosts.value?.get(hostname)?.tags ?? {};
  // the same as long as nothing changes: a chart is drawn again for new marks
  return useCallback(
    (plan: ChartPlan) => marksOf(plan, { host: { hostname, tags }, ...facts }),
    [hostname, JSON.stringify(tags), facts],
  );
}
