/** The page of alerts: what is wrong, what was, by which rules, and who is told. */
import { useEffect, useState } from "preact/hooks";
import { request } from "./api.ts";
import { Channels } from "./channels.tsx";
import { DeedDialog, done } from "./incident_actions.tsx";
import { IncidentView } from "./incident.tsx";
import { IncidentHistory } from "./incident_history.tsx";
import { IncidentList, useIncidentKeys } from "./incident_list.tsx";
import { incidents_error, open_incidents, OPEN_MAX, readIncidents } from "./incidents.ts";
import { path } from "./route.ts";
import { RuleEditor } from "./rule_form.tsx";
import { Rules, useRules } from "./rule_list.tsx";
import { Failure, Skeletons } from "./skeletons.tsx";
import { TEXT } from "./text.ts";
import { ViewerNote } from "./viewer_note.tsx";

const T = TEXT.alerts;
const TABS = [
  ["/alerts", T.tabs.open],
  ["/alerts/history", T.tabs.history],
  ["/alerts/rules", T.tabs.rules],
  ["/alerts/channels", T.tabs.channels],
] as const;

export function Alerts() {
  const here = path.value;
  const id = /^\/alerts\/(\d+)$/.exec(here)?.[1];
  const rule = /^\/alerts\/rules\/(new|\d+)$/.exec(here)?.[1];
  useEffect(() => () => done.value = undefined, [here]);
  return (
    <>
      <div class="bar">
        <h1>{TEXT.pages.alerts}</h1>
        <nav class="tabs" aria-label={TEXT.pages.alerts}>
          {TABS.map(([to, name]) => (
            <a
              key={to}
              href={to}
              aria-current={here === to || (to === "/alerts/rules" && rule !== undefined)
                ? "page"
                : undefined}
            >
              {name}
              {to === "/alerts" && (open_incidents.value?.length ?? 0) > 0 && (
                <span class="badge">{open_incidents.value?.length}</span>
              )}
            </a>
          ))}
        </nav>
      </div>
      <ViewerNote />
      {done.value !== undefined && <div class="banner" role="status">{done.value}</div>}
      {id !== undefined
        ? <IncidentView key={id} id={Number(id)} />
        : rule !== undefined
        ? <RuleEditor key={rule} id={rule} />
        : here === "/alerts/history"
        ? <IncidentHistory />
        : here === "/alerts/rules"
        ? <Rules />
        : here === "/alerts/channels"
        ? <Channels />
        : <Open />}
      <DeedDialog />
    </>
  );
}

interface Evaluation {
  state: "running" | "stopped";
  reason: keyof typeof T.stopped_reasons | null;
}

interface AlertListing {
  evaluation: Evaluation;
  alerts: { state: string }[];
}

const LISTING_AGAIN_MS = 5_000;

/** Whether anybody evaluates, and what is about to fire. */
function useListing(): AlertListing | undefined {
  const [listing, setListing] = useState<AlertListing | undefined>(undefined);
  useEffect(() => {
    const read = () => void request<AlertListing>("/api/v1/alerts").then(setListing, () => {});
    read();
    const timer = setInterval(read, LISTING_AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return listing;
}

/** A banner when nobody evaluates: then what is shown may be old. */
function Evaluating({ listing }: { listing: AlertListing | undefined }) {
  const reason = listing?.evaluation.reason ?? null;
  if (listing?.evaluation.state !== "stopped" || reason === null) return null;
  return (
    <div class="banner error" role="alert">
      {T.stopped(T.stopped_reasons[reason] ?? reason)} {TEXT.errors.kept}
    </div>
  );
}

function Open() {
  const incidents = open_incidents.value;
  const listing = useListing();
  const { rules } = useRules();
  useIncidentKeys(incidents ?? []);
  const pending = listing?.alerts.filter(({ state }) => state === "pending").length ?? 0;
  if (incidents === undefined) {
    const error = incidents_error.value;
    return error === undefined
      ? <Skeletons />
      : <Failure error={error} onRetry={() => void readIncidents()} />;
  }
  const critical = incidents.filter(({ severity }) => severity === "critical").length;
  return (
    <>
      {incidents_error.value !== undefined && (
        <div class="banner error" role="alert">{incidents_error.value} {TEXT.errors.kept}</div>
      )}
      <Evaluating listing={listing} />
      {incidents.length === 0
        ? (
          <div class="empty">
            <p>{rules?.length === 0 ? T.none_because : T.none_open}</p>
            {rules?.length === 0 && <a class="link" href="/alerts/rules">{T.rules.none_why}</a>}
          </div>
        )
        : <p class="soft">{T.count(incidents.length, critical)}</p>}
      <IncidentList incidents={incidents} />
      {incidents.length >= OPEN_MAX && <p class="soft">{T.more(OPEN_MAX)}</p>}
      {pending > 0 && <p class="soft">{T.pending(pending)}</p>}
    </>
  );
}
