/**
 * The rows of the overview. Only those in sight are there: a thousand hosts scroll as ten do. Their
 * sparklines are read when they come into sight, and again each minute.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { HostGlance } from "./api.ts";
import { absoluteText, agoText, NOTHING, percentText, valueText } from "./format.ts";
import { hostState, incidents_by_host } from "./incidents.ts";
import { now_s } from "./live.ts";
import { hostLink, query, setQuery } from "./route.ts";
import { Sparkline, wantSparklines } from "./sparkline.tsx";
import type { State } from "./state.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";

const ROW_PX = 44;
/** Rows above and below what is in sight. */
const SPARE_ROWS = 8;

export function HostRows(
  { hosts, chosen }: { hosts: readonly HostGlance[]; chosen: string | undefined },
) {
  const rows = useRef<HTMLDivElement>(null);
  const [first, last] = useVisible(rows, hosts.length);
  const shown = hosts.slice(first, last);
  const names = shown.map(({ hostname }) => hostname).join("\n");
  useEffect(() => wantSparklines(names === "" ? [] : names.split("\n")), [names]);
  useEffect(() => {
    const at = hosts.findIndex(({ hostname }) => hostname === chosen);
    if (at >= 0) scrollToRow(rows.current, at);
  }, [chosen]);
  return (
    <div class="hosts">
      <Head />
      <div class="rows" ref={rows} style={{ height: `${hosts.length * ROW_PX}px` }}>
        {shown.map((host, i) => (
          <Row
            key={host.hostname}
            host={host}
            state={hostState(host, now_s.value)}
            top={(first + i) * ROW_PX}
            chosen={host.hostname === chosen}
          />
        ))}
      </div>
    </div>
  );
}

function useVisible(rows: { current: HTMLDivElement | null }, count: number): [number, number] {
  const [visible, setVisible] = useState<[number, number]>([0, 40]);
  useEffect(() => {
    const look = () => {
      const top = rows.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / ROW_PX) - SPARE_ROWS);
      const last = Math.ceil((innerHeight - top) / ROW_PX) + SPARE_ROWS;
      setVisible((before) => before[0] === first && before[1] === last ? before : [first, last]);
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [count]);
  return visible;
}

function scrollToRow(rows: HTMLDivElement | null, at: number): void {
  if (rows === null) return;
  const top = rows.getBoundingClientRect().top + at * ROW_PX;
  if (top < 90) scrollBy(0, top - 90);
  else if (top + ROW_PX > innerHeight - 16) scrollBy(0, top + ROW_PX - innerHeight + 16);
}

const COLUMNS = [
  ["name", TEXT.overview.host, ""],
  ["cpu", TEXT.overview.cpu, ""],
  ["memory", TEXT.overview.memory, ""],
  ["disk", TEXT.overview.disk, ""],
  ["network", TEXT.overview.network, "number"],
  [undefined, TEXT.overview.last_hour, ""],
  ["incidents", TEXT.overview.incidents, "number"],
  ["seen", TEXT.overview.seen, "number"],
] as const;

function Head() {
  const sort = query.value.get("sort");
  return (
    <div class="head">
      <span />
      {COLUMNS.map(([key, text, kind]) =>
        key === undefined ? <span key={text} class={kind}>{text}</span> : (
          <button
            type="button"
            class={kind}
            title={`Sort by ${text}`}
            onClick={() => setQuery({ sort: sort === key ? undefined : key })}
          >
            {text}
            {sort === key ? " ↓" : ""}
          </button>
        )
      )}
    </div>
  );
}

function Row(
  { host, state, top, chosen }: { host: HostGlance; state: State; top: number; chosen: boolean },
) {
  const { hostname, alias, location, last_s } = host;
  const below = [alias === null ? "" : hostname, location ?? ""].filter(Boolean).join(" · ");
  return (
    <a
      class={`row ${state === "unknown" ? "stale" : ""} ${chosen ? "chosen" : ""}`}
      style={{ top: `${top}px` }}
      href={hostLink(hostname)}
    >
      <StateMark state={state} />
      <span class="who">
        <bdi>{alias ?? hostname}</bdi>
        {below !== "" && (
          <small>
            <bdi>{below}</bdi>
          </small>
        )}
      </span>
      <Level value={host.cpu} name={TEXT.overview.cpu} />
      <Level value={host.memory} name={TEXT.overview.memory} />
      <Level value={host.disk} name={TEXT.overview.disk} />
      <span class="number">
        {host.received_per_s === undefined
          ? NOTHING
          : `${valueText(host.received_per_s, "B")} / ${valueText(host.sent_per_s, "B")}`}
      </span>
      <Sparkline hostname={hostname} />
      <span class="number">{incidents_by_host.value.get(hostname)?.length ?? NOTHING}</span>
      <LastSeen at_s={last_s} />
    </a>
  );
}

/** Counts on by itself: nothing else of a row changes by the clock. */
function LastSeen({ at_s }: { at_s: number | null }) {
  return (
    <span class="number soft" title={at_s === null ? undefined : absoluteText(at_s)}>
      {at_s === null ? NOTHING : agoText(at_s, now_s.value)}
    </span>
  );
}

function Level({ value, name }: { value: number | undefined; name: string }) {
  const percent = value === undefined ? 0 : Math.min(100, Math.max(0, value));
  return (
    <span class="level" aria-label={`${name} ${percentText(value)}`}>
      <span class="track">
        <span class="fill" style={{ width: `${percent}%`, display: "block" }} />
      </span>
      <span class="number">{percentText(value)}</span>
    </span>
  );
}
