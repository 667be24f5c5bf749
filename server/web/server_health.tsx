/** How the server itself is: its checks, and the numbers it reports as a host. */
import { useEffect, useState } from "preact/hooks";
import type { SeriesAnswer } from "./api.ts";
import { valuesOf } from "./chart_data.ts";
import { valueText } from "./format.ts";
import { isServer, sorted_hosts } from "./live.ts";
import { DEFAULT_RANGE } from "./range.ts";
import { hostLink } from "./route.ts";
import { useSeries } from "./series_store.ts";
import { newestOf, numberPath, SERVER_NUMBERS, type ServerNumber } from "./server_numbers.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";

interface Ready {
  ready: boolean;
  checks: Record<string, { ok: boolean; why?: string }>;
}

const AGAIN_MS = 10_000;
// a name has to be there, a pattern need not: not every server has all of them
const PATTERNS = Object.values(SERVER_NUMBERS).map((metric) => `${metric}*`);
// Object.keys widens them to string
const NUMBERS = Object.keys(SERVER_NUMBERS) as ServerNumber[];

/** What `/ready` says now; its answer is worth reading when it is no, too. */
function useReady(): Ready | undefined {
  const [ready, setReady] = useState<Ready | undefined>(undefined);
  useEffect(() => {
    const read = () =>
      void fetch("/ready").then((response) => response.json()).then(
        setReady,
        () => setReady(undefined),
      );
    read();
    const timer = setInterval(() => document.hidden || read(), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return ready;
}

export function ServerHealth() {
  const ready = useReady();
  const servers = sorted_hosts.value.filter(isServer).map(({ hostname }) => hostname);
  return (
    <section class="server">
      <h2>{TEXT.settings.server.title}</h2>
      {ready !== undefined && <Checks checks={ready.checks} />}
      {servers.length === 0
        ? <p class="soft">{TEXT.settings.server.not_reported}</p>
        : servers.map((hostname) => <Numbers key={hostname} hostname={hostname} />)}
    </section>
  );
}

function Checks({ checks }: Pick<Ready, "checks">) {
  const names: Readonly<Record<string, string>> = TEXT.settings.server.checks;
  return (
    <ul class="checks">
      {Object.entries(checks).map(([name, { ok, why }]) => (
        <li key={name}>
          <StateMark state={ok ? "ok" : "critical"} /> {names[name] ?? name}
          {why !== undefined && <span class="failed">: {why}</span>}
        </li>
      ))}
    </ul>
  );
}

function Numbers({ hostname }: { hostname: string }) {
  const { answer, error } = useSeries(
    { metric: PATTERNS, host: [hostname] },
    DEFAULT_RANGE,
  );
  if (answer === undefined) {
    return error === undefined
      ? <div class="skeleton" style={{ height: "240px" }} />
      : <div class="banner error" role="alert">{error}</div>;
  }
  const { now, last_hour, all } = TEXT.settings.server;
  return (
    <>
      <table class="table">
        <thead>
          <tr>
            <th>
              <bdi>{hostname}</bdi>
            </th>
            <th class="number">{now}</th>
            <th>{last_hour}</th>
          </tr>
        </thead>
        <tbody>
          {NUMBERS.map((key) => <NumberRow key={key} of={key} answer={answer} />)}
        </tbody>
      </table>
      <p>
        <a href={hostLink(hostname)}>{all}</a>
      </p>
    </>
  );
}

function NumberRow({ of, answer }: { of: ServerNumber; answer: SeriesAnswer }) {
  const series = answer.series.find(({ metric }) => metric === SERVER_NUMBERS[of]);
  // of a foreign PostgreSQL nobody knows the disk
  if (series === undefined) return null;
  const values = valuesOf(series);
  return (
    <tr>
      <td>{TEXT.settings.server.numbers[of]}</td>
      <td class="number">
        {valueText(newestOf(values), series.unit, series.kind === "counter")}
      </td>
      <td>
        <svg class="spark" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          <path d={numberPath(series.t, values, answer)} />
        </svg>
      </td>
    </tr>
  );
}
