/** What is around every page: name, search, range, live dot, theme; and the way to the other pages. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { followIncidents, open_incidents } from "./incidents.ts";
import { connected, followHosts, readHosts } from "./live.ts";
import { help_open, KeyHelp } from "./keys.tsx";
import { Account, Login } from "./login.tsx";
import { RangeChoice } from "./range_choice.tsx";
import { go, link, path, query, setQuery } from "./route.ts";
import { isLockedOut, readSession } from "./session.ts";
import { TEXT } from "./text.ts";
import { dark, toggleTheme } from "./theme.ts";

const PAGES = [
  ["/", TEXT.pages.overview],
  ["/explore", TEXT.pages.explore],
  ["/alerts", TEXT.pages.alerts],
  ["/downtimes", TEXT.pages.downtimes],
  ["/settings", TEXT.pages.settings],
] as const;

function Rail() {
  const here = path.value;
  const isHere = (page: string) =>
    page === "/"
      ? here === "/" || here.startsWith("/hosts/")
      : here === page || here.startsWith(`${page}/`);
  const open = open_incidents.value?.length ?? 0;
  return (
    <nav class="rail" aria-label="Pages">
      {PAGES.map(([page, name]) => (
        <a key={page} href={link(page)} aria-current={isHere(page) ? "page" : undefined}>
          {name}
          {page === "/alerts" && open > 0 && (
            <span class="badge" title={TEXT.alerts.rules.open(open)}>{open}</span>
          )}
        </a>
      ))}
    </nav>
  );
}

function Top() {
  const search = (text: string) => {
    if (path.value === "/") setQuery({ q: text }, { replace: true });
    else go("/", { query: { q: text } });
  };
  const is_live = connected.value;
  const has_charts = path.value === "/explore" || path.value.startsWith("/hosts/");
  return (
    <header class="top">
      <a class="name" href="/" aria-label={TEXT.product}>
        <img src={iconUrl()} alt="" />
        <span>{TEXT.product}</span>
      </a>
      <input
        id="search"
        type="search"
        placeholder={TEXT.search}
        aria-label={TEXT.search}
        value={path.value === "/" ? query.value.get("q") ?? "" : ""}
        onInput={({ currentTarget }) => search(currentTarget.value)}
      />
      <span class="space" />
      <Account />
      {has_charts && <RangeChoice />}
      <span
        class={`dot ${is_live ? "on" : ""}`}
        role="status"
        aria-label={is_live ? TEXT.live : TEXT.not_live}
        title={is_live ? TEXT.live : TEXT.not_live}
      />
      <button
        type="button"
        class="plain"
        title={TEXT.theme}
        aria-label={TEXT.theme}
        onClick={toggleTheme}
      >
        {dark.value ? "☀" : "☽"}
      </button>
      <button
        type="button"
        class="plain help"
        title={TEXT.help}
        aria-label={TEXT.help}
        onClick={() => help_open.value = true}
      >
        ?
      </button>
    </header>
  );
}

function iconUrl(): string {
  return document.querySelector<HTMLLinkElement>('link[rel="icon"]')?.href ?? "";
}

export function Frame({ children }: { children: ComponentChildren }) {
  useEffect(() => void readSession(), []);
  if (isLockedOut()) return <Login />;
  return <OpenFrame>{children}</OpenFrame>;
}

function OpenFrame({ children }: { children: ComponentChildren }) {
  const is_host = path.value.startsWith("/hosts/");
  // a host's page follows that host alone
  useEffect(followIncidents, []);
  useEffect(() => is_host ? void readHosts() : followHosts(), [is_host]);
  const is_wall = path.value === "/" && query.value.get("view") === "wall";
  if (is_wall) return <main class="wall">{children}</main>;
  return (
    <div class="frame">
      <Top />
      <Rail />
      <main class="content">{children}</main>
      <KeyHelp />
    </div>
  );
}
