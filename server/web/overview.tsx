/** All hosts: is anything wrong? Rows, tiles, or a wall of tiles; searched, filtered and sorted. */
import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { HostGlance } from "./api.ts";
import { FirstRun } from "./first_run.tsx";
import { readSearch, tagSearch, tagsOf } from "./host_filter.ts";
import { downtimes, hostState, incidents_by_host, open_incidents } from "./incidents.ts";
import { HostRows } from "./host_rows.tsx";
import { usePageKeys } from "./keys.tsx";
import { hosts, hosts_error, isServer, now_s, readHosts, sorted_hosts } from "./live.ts";
import { go, hostLink, query, setQuery } from "./route.ts";
import { type State, STATES } from "./state.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";
import { percentText } from "./format.ts";

/** Which row the keyboard is at. */
export const chosen = signal<string | undefined>(undefined);

const SORTS: Readonly<Record<string, (host: HostGlance) => number>> = {
  cpu: ({ cpu }) => -(cpu ?? -1),
  memory: ({ memory }) => -(memory ?? -1),
  disk: ({ disk }) => -(disk ?? -1),
  network: (host) => -((host.received_per_s ?? -1) + (host.sent_per_s ?? 0)),
  incidents: ({ hostname }) => -(incidents_by_host.value.get(hostname)?.length ?? 0),
  seen: ({ last_s }) => last_s ?? 0,
};

/** The hosts that are shown, in their order. */
function visible(now: number): HostGlance[] {
  const isFound = readSearch(query.value.get("q") ?? "");
  const wanted = query.value.get("state");
  const found = sorted_hosts.value.filter((host) => {
    if (wanted !== null && hostState(host, now) !== wanted) return false;
    return isFound(host);
  });
  const sort = query.value.get("sort");
  const key = sort === null ? undefined : SORTS[sort];
  if (key !== undefined) return found.sort((a, b) => key(a) - key(b));
  // what is wrong stands on top, by name within
  const rank = (host: HostGlance) => STATES.indexOf(hostState(host, now));
  return sort === "name" ? found : found.sort((a, b) => rank(a) - rank(b));
}

export function Overview() {
  // states change by the clock, too; to the minute is enough for the order of rows
  const now = now_s.value;
  const known = hosts.value;
  const shown = useMemo(() => visible(now), [
    known,
    query.value,
    Math.floor(now / 10),
    open_incidents.value,
    downtimes.value,
  ]);
  usePageKeys((key) => {
    const at = shown.findIndex(({ hostname }) => hostname === chosen.value);
    if (key === "j") chosen.value = shown[Math.min(at + 1, shown.length - 1)]?.hostname;
    else if (key === "k") chosen.value = shown[Math.max(at - 1, 0)]?.hostname;
    else if (key === "Enter" && chosen.value !== undefined) go(hostLink(chosen.value));
    else return false;
    return true;
  });
  if (known === undefined) return <Loading />;
  if ([...known.values()].every(isServer)) return <FirstRun />;
  const view = query.value.get("view") ?? "rows";
  return (
    <>
      {hosts_error.value !== undefined && (
        <div class="banner error" role="alert">
          {hosts_error.value} {TEXT.errors.kept}
        </div>
      )}
      <Bar view={view} now={now} />
      {shown.length === 0
        ? <p class="soft">{TEXT.overview.none_found}</p>
        : view === "rows"
        ? <HostRows hosts={shown} chosen={chosen.value} />
        : <Tiles hosts={shown} now={now} />}
    </>
  );
}

function Bar({ view, now }: { view: string; now: number }) {
  if (view === "wall") {
    return (
      <div class="bar">
        <h1>{TEXT.product}</h1>
        <Summary now={now} />
        <span class="space" />
        <button type="button" onClick={() => setQuery({ view: undefined })}>
          {TEXT.overview.leave_wall}
        </button>
      </div>
    );
  }
  const views = [["rows", TEXT.overview.rows], ["tiles", TEXT.overview.tiles], [
    "wall",
    TEXT.overview.wall,
  ]] as const;
  return (
    <div class="bar">
      <h1>{TEXT.pages.overview}</h1>
      <Summary now={now} />
      <span class="space" />
      <label>
        <span class="hidden-label">State</span>
        <select
          value={query.value.get("state") ?? ""}
          onChange={({ currentTarget }) => setQuery({ state: currentTarget.value })}
        >
          <option value="">{TEXT.overview.all_states}</option>
          {STATES.map((state) => <option key={state} value={state}>{TEXT.state[state]}</option>)}
        </select>
      </label>
      <TagChoice />
      <span class="group" role="group" aria-label="View">
        {views.map(([name, text]) => (
          <button
            key={name}
            type="button"
            aria-pressed={view === name}
            onClick={() => setQuery({ view: name === "rows" ? undefined : name })}
          >
            {text}
          </button>
        ))}
      </span>
    </div>
  );
}

/** More cannot be overlooked in a list; the search knows them all. */
const TAGS_MAX = 200;

/** Puts a tag into the search, or takes the one that is there out. */
function TagChoice() {
  const all = useMemo(() => tagsOf(sorted_hosts.value).slice(0, TAGS_MAX), [hosts.value]);
  if (all.length === 0) return null;
  const search = query.value.get("q") ?? "";
  const words = all.map(([pair]) => {
    const [key = "", ...value] = pair.split("=");
    return tagSearch(key, value.join("="));
  });
  const chosen_word = words.find((word) => ` ${search} `.includes(` ${word} `)) ?? "";
  const choose = (word: string) => {
    const rest = ` ${search} `.replace(` ${chosen_word} `, " ").trim();
    setQuery({ q: `${rest} ${word}`.trim() });
  };
  return (
    <label>
      <span class="hidden-label">{TEXT.overview.all_tags}</span>
      <select value={chosen_word} onChange={({ currentTarget }) => choose(currentTarget.value)}>
        <option value="">{TEXT.overview.all_tags}</option>
        {all.map(([pair, count], i) => (
          <option key={pair} value={words[i]}>{`${pair} (${count})`}</option>
        ))}
      </select>
    </label>
  );
}

function Summary({ now }: { now: number }) {
  const all = sorted_hosts.value.filter((host) => !isServer(host));
  const states = sorted_hosts.value.map((host) => hostState(host, now));
  const count = (state: State) => states.filter((one) => one === state).length;
  return (
    <>
      <span class="soft">{TEXT.overview.summary(all.length, count("unknown"))}</span>
      <span class="counts soft">
        {(["critical", "warning", "downtime"] as const).map((state) =>
          count(state) > 0 && (
            <span key={state}>
              <StateMark state={state} /> {count(state)}
            </span>
          )
        )}
      </span>
    </>
  );
}

function Tiles({ hosts: shown, now }: { hosts: readonly HostGlance[]; now: number }) {
  return (
    <div class="tiles">
      {shown.map((host) => {
        const state = hostState(host, now);
        const below = host.alias === null ? host.location ?? "" : host.hostname;
        const incidents = incidents_by_host.value.get(host.hostname)?.length ?? 0;
        return (
          <a key={host.hostname} class={`tile ${state}`} href={hostLink(host.hostname)}>
            <b>
              <StateMark state={state} /> <bdi>{host.alias ?? host.hostname}</bdi>
            </b>
            <small class="soft">
              <bdi>{below}</bdi>
              {below !== "" && incidents > 0 && " · "}
              {incidents > 0 && TEXT.alerts.rules.open(incidents)}
            </small>
            <span class="numbers">
              {([["cpu", host.cpu], ["memory", host.memory], ["disk", host.disk]] as const).map((
                [name, value],
              ) => (
                <span key={name}>
                  <small class="soft">{TEXT.overview.tile[name]}</small>
                  {percentText(value)}
                </span>
              ))}
            </span>
          </a>
        );
      })}
    </div>
  );
}

function Loading() {
  if (hosts_error.value !== undefined) {
    return (
      <div class="empty" role="alert">
        <p>{hosts_error.value}</p>
        <button type="button" onClick={() => void readHosts()}>{TEXT.retry}</button>
      </div>
    );
  }
  return (
    <div aria-busy="true">
      {Array.from(
        { length: 8 },
        (_, i) => <div key={i} class="skeleton" style={{ height: "36px", margin: "8px 0" }} />,
      )}
    </div>
  );
}
