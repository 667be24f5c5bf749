/** All rules: what they do, whether they are evaluated, and the usual ones for a beginning. */
import { useEffect, useState } from "preact/hooks";
import { request } from "./api.ts";
import { faultText } from "./dialog.tsx";
import { open_incidents } from "./incidents.ts";
import { news } from "./live.ts";
import type { RuleDefinition } from "./rule_fields.ts";
import { definitionWords } from "./rule_words.ts";
import { may } from "./session.ts";
import { Failure, Skeletons } from "./skeletons.tsx";
import { TEXT } from "./text.ts";

const T = TEXT.alerts.rules;

export interface RuleRow {
  id: number;
  source: string;
  enabled: boolean;
  rule: RuleDefinition;
  /** How many it is about; null when another server evaluates. */
  series: number | null;
}

/** For whoever begins: what every operator wants to hear of. */
const USUAL: readonly RuleDefinition[] = [
  { name: "Host is silent", condition: "host_silent", for: "3m" },
  {
    ...{ name: "Disk almost full", metric: "disk.*.used_percent", condition: "above" },
    ...{ warning: 85, critical: 95, recovery: 82, for: "5m" },
  },
  {
    ...{ name: "Memory almost full", metric: "memory_usage", condition: "above" },
    ...{ warning: 90, critical: 97, recovery: 87, for: "10m" },
  },
  {
    ...{ name: "Processors at their limit", metric: "cpu_usage", condition: "above" },
    ...{ warning: 95, recovery: 90, for: "15m" },
  },
  { name: "A collector fails", condition: "script_failed", for: "10m" },
];

/** All rules, read when the page is opened and after each change. */
export function useRules() {
  const [rules, setRules] = useState<RuleRow[] | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const read = () =>
    request<{ rules: RuleRow[] }>("/api/v1/rules").then((answer) => {
      setRules(answer.rules);
      setError(undefined);
    }, (fault) => setError(faultText(fault)));
  useEffect(() => void read(), [news.value]);
  return { rules, error, read, setError };
}

export function Rules() {
  const { rules, error, read, setError } = useRules();
  const toggle = async ({ id, enabled }: RuleRow) => {
    try {
      await request("/alert_state", { method: "POST", body: { id, enabled: !enabled } });
      await read();
    } catch (fault) {
      setError(faultText(fault));
    }
  };
  return (
    <>
      {error !== undefined && <Failure error={error} onRetry={() => void read()} />}
      {rules === undefined
        ? error === undefined && <Skeletons />
        : rules.length === 0
        ? <NoRules onAdded={() => void read()} />
        : (
          <>
            {may("operator") && (
              <div class="bar">
                <a class="button primary" href="/alerts/rules/new">{T.new}</a>
              </div>
            )}
            <ul class="incidents">
              {rules.map((row) => <Row key={row.id} row={row} onToggle={() => void toggle(row)} />)}
            </ul>
          </>
        )}
    </>
  );
}

function Row({ row, onToggle }: { row: RuleRow; onToggle: () => void }) {
  const name = String(row.rule.name ?? "");
  const open = (open_incidents.value ?? []).filter(({ rule_id }) => rule_id === row.id).length;
  return (
    <li class={`incident ${row.enabled ? "" : "off"}`}>
      <input
        type="checkbox"
        role="switch"
        aria-label={T.toggle(name)}
        title={row.enabled ? T.on : T.off}
        checked={row.enabled}
        disabled={!may("operator")}
        onChange={onToggle}
      />
      <div class="what">
        <a href={`/alerts/rules/${row.id}`}>
          <bdi>{name}</bdi>
        </a>
        <small class="soft facts">
          <bdi>{definitionWords(row.rule)}</bdi>
          {row.enabled && row.series !== null && row.rule.condition !== "host_silent" && (
            <span>{T.series(row.series)}</span>
          )}
          {row.source === "file" && <span>{T.file}</span>}
          {open > 0 && <b>{T.open(open)}</b>}
        </small>
      </div>
      <span class="buttons">
        <a class="button" href={`/alerts/history?rule=${row.id}`}>{TEXT.alerts.tabs.history}</a>
        {may("operator") && <a class="button" href={`/alerts/rules/${row.id}`}>{T.edit}</a>}
      </span>
    </li>
  );
}

function NoRules({ onAdded }: { onAdded: () => void }) {
  const [error, setError] = useState<string | undefined>(undefined);
  const add = async () => {
    try {
      for (const rule of USUAL) await request("/api/v1/rules", { method: "POST", body: rule });
    } catch (fault) {
      setError(faultText(fault));
    }
    onAdded();
  };
  return (
    <div class="empty">
      <h2>{T.none}</h2>
      <p>{T.none_why}</p>
      {error !== undefined && <div class="banner error" role="alert">{error}</div>}
      {may("operator") && (
        <div class="bar">
          <button type="button" class="primary" onClick={() => void add()}>{T.usual}</button>
          <a class="button" href="/alerts/rules/new">{T.new}</a>
        </div>
      )}
      <p class="soft">{T.usual_what}</p>
    </div>
  );
}
