/** What a rule would have done on the days there are, asked while it is being written. */
import { useEffect, useState } from "preact/hooks";
import { request } from "./api.ts";
import { faultText } from "./dialog.tsx";
import { valueText } from "./format.ts";
import { now_s } from "./live.ts";
import { clockText } from "./moments.ts";
import type { RuleDefinition } from "./rule_fields.ts";
import { TEXT } from "./text.ts";

const T = TEXT.alerts.backtest;
/** After the last key. */
const WAIT_MS = 500;
const DAYS = 7;
/** A page a day and more is noise: it is said. */
const NOISY_PER_WEEK = 14;

interface Fired {
  host: string;
  metric: string | null;
  severity: string;
  opened: number;
  resolved: number | null;
}

interface Answer {
  from: number;
  to: number;
  tier: string;
  series: number;
  pages: number;
  pages_per_week: number;
  incidents: Fired[];
}

/** `rule` undefined: it is not complete yet. */
export function Backtest({ rule }: { rule: RuleDefinition | undefined }) {
  const [answer, setAnswer] = useState<Answer | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const key = JSON.stringify(rule);
  useEffect(() => {
    if (rule === undefined) {
      setError(undefined);
      return setAnswer(undefined);
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      setBusy(true);
      // a rule without a name can be tried, too
      const body = { rule: { ...rule, name: rule.name || "new" }, from: `now-${DAYS}d` };
      request<Answer>("/api/v1/rules/backtest", { method: "POST", body, signal: abort.signal })
        .then((found) => {
          setAnswer(found);
          setError(undefined);
        }, (fault) => {
          if (abort.signal.aborted) return;
          setError(faultText(fault));
        })
        .finally(() => setBusy(abort.signal.aborted));
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return (
    <section class="backtest" aria-live="polite" aria-busy={busy}>
      <h2>{T.title(DAYS)}</h2>
      {error !== undefined
        ? <p class="fault">{error}</p>
        : answer === undefined
        ? <p class="soft">{rule === undefined ? T.incomplete : T.waiting}</p>
        : <Result answer={answer} />}
    </section>
  );
}

function Result({ answer }: { answer: Answer }) {
  const { pages, series, incidents, to, pages_per_week, tier } = answer;
  if (pages === 0) return <p>{T.none(series)}</p>;
  const hosts = new Set(incidents.map(({ host }) => host)).size;
  const longest_s = Math.max(...incidents.map(({ opened, resolved }) => (resolved ?? to) - opened));
  return (
    <>
      <p>
        {T.some(pages, hosts, valueText(pages_per_week, null))}{" "}
        {T.lasted(valueText(longest_s, "s"))}
        {pages_per_week > NOISY_PER_WEEK && ` ${T.noisy}`}
      </p>
      <Strip answer={answer} />
      {tier === "5m" && <p class="soft">{T.steps}</p>}
      <ul class="fired">
        {incidents.slice(-5).reverse().map((one, i) => (
          <li key={i} class="soft">
            {clockText(one.opened, now_s.peek())} · <bdi>{one.host}</bdi>
            {one.metric !== null && (
              <>
                {" "}
                <bdi>{one.metric}</bdi>
              </>
            )} · {one.severity} · {valueText((one.resolved ?? to) - one.opened, "s")}
          </li>
        ))}
      </ul>
    </>
  );
}

/** When it would have fired, as marks on a line of the days. */
function Strip({ answer: { from, to, incidents } }: { answer: Answer }) {
  const place = (at_s: number) => (at_s - from) / (to - from) * 1000;
  return (
    <>
      <svg
        class="strip"
        viewBox="0 0 1000 24"
        preserveAspectRatio="none"
        role="img"
        aria-label={T.strip}
      >
        {Array.from(
          { length: DAYS + 1 },
          (_, day) => <path key={day} d={`M${day * 1000 / DAYS} 0v24`} />,
        )}
        {incidents.map(({ opened, resolved, severity }, i) => (
          <rect
            key={i}
            class={severity}
            x={place(opened)}
            y={4}
            height={16}
            width={Math.max(2, place(resolved ?? to) - place(opened))}
          />
        ))}
      </svg>
      <div class="strip-ends soft">
        <span>{clockText(from, now_s.peek())}</span>
        <span>{clockText(to, now_s.peek())}</span>
      </div>
    </>
  );
}
