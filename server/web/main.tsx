/** The page's beginning: theme, keyboard, and which page belongs to the address. */
/// <reference lib="dom.iterable" />
/// <reference lib="dom" />
import "./locale.ts";
import { render } from "preact";
import { Alerts } from "./alerts.tsx";
import { Downtimes } from "./downtimes.tsx";
import { Frame } from "./frame.tsx";
import { Explore } from "./explore.tsx";
import { Host } from "./host.tsx";
import { startKeys } from "./keys.tsx";
import { NotFound } from "./not_found.tsx";
import { Overview } from "./overview.tsx";
import { path } from "./route.ts";
import { Settings } from "./settings.tsx";
import { TEXT } from "./text.ts";
import { applyTheme } from "./theme.ts";
import { hostOf, startTitle } from "./title.ts";

function Page() {
  const here = path.value;
  const host = hostOf(here);
  // the name is the key: another host is another page
  if (host !== undefined) return <Host key={host} hostname={host} />;
  if (here === "/alerts" || here.startsWith("/alerts/")) return <Alerts />;
  if (here === "/downtimes") return <Downtimes />;
  if (here === "/explore") return <Explore />;
  if (here === "/settings") return <Settings />;
  if (here === "/" || here === "/login") return <Overview />;
  return <NotFound what={TEXT.not_found.page} />;
}

applyTheme();
startKeys();
startTitle();
const root = document.getElementById("app");
if (root === null) throw new Error("BUG: index.html has no #app");
root.replaceChildren();
render(
  <Frame>
    <Page />
  </Frame>,
  root,
);
