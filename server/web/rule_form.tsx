/** A rule in a form that says in words what it will do, and what it would have done. */
import { useMemo, useState } from "preact/hooks";
import { useAnswer } from "./answer.ts";
import { request } from "./api.ts";
import { Backtest } from "./backtest.tsx";
import { Ask, Choice, faultText, Field } from "./dialog.tsx";
import { open_incidents } from "./incidents.ts";
import { sorted_hosts } from "./live.ts";
import { go, query } from "./route.ts";
import {
  CONDITIONS,
  fieldsOf,
  fieldsOfRule,
  type RuleDefinition,
  type RuleFields,
  ruleOfFields,
} from "./rule_fields.ts";
import type { RuleRow } from "./rule_list.tsx";
import { ruleWords } from "./rule_words.ts";
import { Skeletons } from "./skeletons.tsx";
import { may } from "./session.ts";
import { TEXT } from "./text.ts";

const T = TEXT.alerts.rules;
const F = T.fields;

/** A rule that is there, or (`new`) one that is to be; the address may say of which metric. */
export function RuleEditor({ id }: { id: string }) {
  const [row, setRow] = useState<RuleRow | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  useAnswer<RuleRow>(id === "new" ? undefined : `/api/v1/rules/${id}`, {
    take: setRow,
    onFault: (fault) => setError(faultText(fault)),
  });
  if (error !== undefined) return <div class="banner error" role="alert">{error}</div>;
  if (id === "new") {
    const [host, metric] = [query.value.get("host") ?? "", query.value.get("metric") ?? ""];
    return <RuleForm row={undefined} begin={{ ...fieldsOfRule(), hosts: host, metric }} />;
  }
  return row === undefined
    ? <Skeletons />
    : <RuleForm row={row} begin={fieldsOfRule({ ...row.rule, enabled: row.enabled })} />;
}

/** Enough to be tried on the past. */
function isComplete(fields: RuleFields): boolean {
  const has = fieldsOf(fields.condition);
  const has_metric = !has.metric || fields.condition === "script_failed" || fields.metric !== "";
  return has_metric && (!has.levels || fields.warning !== "" || fields.critical !== "");
}

function RuleForm({ row, begin }: { row: RuleRow | undefined; begin: RuleFields }) {
  const [fields, setFields] = useState(begin);
  const [error, setError] = useState<string | undefined>(undefined);
  const [deleting, setDeleting] = useState(false);
  const change = (changed: Partial<RuleFields>) =>
    setFields((before) => ({ ...before, ...changed }));
  const rule = ruleOfFields(fields, row?.rule);
  const save = async () => {
    try {
      const [path, method] = row === undefined
        ? ["/api/v1/rules", "POST"]
        : [`/api/v1/rules/${row.id}`, "PUT"];
      await request(path, { method, body: rule });
      go("/alerts/rules");
    } catch (fault) {
      setError(faultText(fault));
    }
  };
  return (
    <>
      <form
        class="editor"
        aria-label={row === undefined ? T.new : T.edit_title}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <div>
          {row?.source === "file" && <div class="banner">{T.file_note}</div>}
          <Selection fields={fields} change={change} />
          <ConditionFields fields={fields} change={change} />
          <MoreFields fields={fields} change={change} />
        </div>
        <div class="preview">
          <h2>{T.words}</h2>
          <p class="words">
            <bdi>{ruleWords(fields)}</bdi>
          </p>
          <Backtest rule={isComplete(fields) ? rule : undefined} />
          {error !== undefined && <div class="banner error" role="alert">{error}</div>}
          <div class="bar">
            <button class="primary" type="submit" disabled={!may("operator")}>
              {row === undefined ? T.create : TEXT.save}
            </button>
            <a class="button" href="/alerts/rules">{TEXT.cancel}</a>
            <span class="space" />
            {row !== undefined && may("operator") && (
              <button
                type="button"
                onClick={() => setDeleting(true)}
              >
                {T.delete}
              </button>
            )}
          </div>
        </div>
      </form>
      {deleting && row !== undefined && <Delete row={row} onClose={() => setDeleting(false)} />}
    </>
  );
}

interface PartProps {
  fields: RuleFields;
  change: (changed: Partial<RuleFields>) => void;
}

/** Names of metrics for the field, of the hosts that report. */
function useMetricNames(): readonly string[] {
  const [names, setNames] = useState<readonly string[]>([]);
  const first = sorted_hosts.value[0]?.hostname;
  useAnswer<Record<string, { metrics: RuleDefinition }>>(
    first === undefined ? undefined : `/fetch/latest?hostname=${encodeURIComponent(first)}`,
    { take: (answer) => setNames(Object.keys(answer[first ?? ""]?.metrics ?? {})) },
  );
  return names;
}

function Selection({ fields, change }: PartProps) {
  const names = useMetricNames();
  const { condition } = fields;
  const is_script = condition === "script_failed";
  const conditions = useMemo(
    () => CONDITIONS.map((one) => [one, T.conditions[one]] as const),
    [],
  );
  return (
    <div class="fields">
      <Field
        name={F.name}
        hint={F.name_hint}
        value={fields.name}
        onInput={(name) => change({ name })}
      />
      <Field
        name={F.hosts}
        hint={F.hosts_hint}
        value={fields.hosts}
        onInput={(hosts) => change({ hosts })}
      />
      {fieldsOf(condition).metric && (
        <Field
          name={is_script ? F.collector : F.metric}
          hint={is_script ? F.collector_hint : F.metric_hint}
          list="rule-metrics"
          value={fields.metric}
          onInput={(metric) => change({ metric })}
        />
      )}
      <datalist id="rule-metrics">
        {names.map((name) => <option key={name} value={name} />)}
      </datalist>
      <Choice
        name={F.condition}
        value={condition}
        options={conditions}
        onChange={(one) => change({ condition: one })}
      />
    </div>
  );
}

const COMPARES = [["above", T.compares.above], ["below", T.compares.below]] as const;
const DIRECTIONS = [
  ["any", T.directions.any],
  ["up", T.directions.up],
  ["down", T.directions.down],
] as const;
const SEVERITIES = [["warning", TEXT.state.warning], ["critical", TEXT.state.critical]] as const;

/** The choice among `options` that a text names, or the first. */
function oneOf<T extends string>(options: readonly (readonly [T, string])[], text: string): T {
  const [first] = options;
  if (first === undefined) throw new Error("BUG: a choice of nothing");
  return options.find(([one]) => one === text)?.[0] ?? first[0];
}

function ConditionFields({ fields, change }: PartProps) {
  const has = fieldsOf(fields.condition);
  const number = fields.condition === "outside" ? F.range_hint : "";
  const text = (name: keyof RuleFields & keyof typeof F, hint: string) => (
    <Field
      key={name}
      name={F[name]}
      hint={hint}
      value={String(fields[name])}
      onInput={(value) => change({ [name]: value })}
    />
  );
  return (
    <div class="fields">
      {has.compare && (
        <Choice
          name={F.compare}
          value={oneOf(COMPARES, fields.compare)}
          options={COMPARES}
          onChange={(compare) => change({ compare })}
        />
      )}
      {has.direction && (
        <Choice
          name={F.direction}
          value={oneOf(DIRECTIONS, fields.direction)}
          options={DIRECTIONS}
          onChange={(direction) => change({ direction })}
        />
      )}
      {has.severity && (
        <Choice
          name={F.severity}
          value={oneOf(SEVERITIES, fields.severity)}
          options={SEVERITIES}
          onChange={(severity) => change({ severity })}
        />
      )}
      {has.levels && [
        text("warning", number),
        text("critical", number),
        text("recovery", F.recovery_hint),
      ]}
      {text("for", "5m")}
      {text("keep_firing_for", "0s")}
      {has.over && text("over", fields.condition === "forecast" ? "6h" : "10m")}
      {has.within && text("within", "24h")}
    </div>
  );
}

function MoreFields({ fields, change }: PartProps) {
  const is_used = [fields.message, fields.runbook, fields.labels, fields.tags]
    .some((text) => text !== "");
  return (
    <details open={is_used}>
      <summary>{F.more}</summary>
      <div class="fields">
        <Field
          name={F.tags}
          hint={F.tags_hint}
          rows={2}
          value={fields.tags}
          onInput={(tags) => change({ tags })}
        />
        <Field
          name={F.labels}
          hint={F.labels_hint}
          rows={2}
          value={fields.labels}
          onInput={(labels) => change({ labels })}
        />
        <Field
          name={F.message}
          hint={F.message_hint}
          value={fields.message}
          onInput={(message) => change({ message })}
        />
        <Field
          name={F.runbook}
          hint="https://wiki.example.com/disk"
          value={fields.runbook}
          onInput={(runbook) => change({ runbook })}
        />
      </div>
    </details>
  );
}

function Delete({ row, onClose }: { row: RuleRow; onClose: () => void }) {
  const [written, setWritten] = useState("");
  const name = String(row.rule.name);
  const open = (open_incidents.value ?? []).filter(({ rule_id }) => rule_id === row.id).length;
  const submit = async () => {
    await request(`/api/v1/rules/${row.id}`, { method: "DELETE" });
    go("/alerts/rules");
  };
  return (
    <Ask
      title={T.delete_title(name)}
      action={T.delete}
      ready={written.trim() === name.trim()}
      onSubmit={submit}
      onClose={onClose}
    >
      <p>{T.delete_words(open)}</p>
      <Field name={T.delete_name} hint={name} value={written} onInput={setWritten} />
    </Ask>
  );
}
