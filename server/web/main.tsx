/** The page's beginning: theme, keyboard, and which page belongs to the address. */
/// <reference lib="dom.iterable" />
/// <reference lib="dom" />
import "./locale.ts";
import { render } from "preact";
import { Frame } from "./frame.tsx";
import { Explore } from "./explore.tsx";
import { Host } from "./host.tsx";
import { startKeys } from "./keys.tsx";
import { Overview } from "./overview.tsx";
import { path } from "./route.ts";
import { Settings } from "./settings.tsx";
import { applyTheme } from "./theme.ts";

function Page() {
  const here = path.value;
  const host = /^\/hosts\/([^/]+)$/.exec(here)?.[1];
  // the name is the key: another host is another page
  if (host !== undefined) return <Host key={host} hostname={decodeURIComponent(host)} />;
  if (here === "/explore") return <Explore />;
  if (here === "/settings") return <Settings />;
  return <Overview />;
}

applyTheme();
startKeys();
const root = document.getElementById("app");
if (root === null) throw new Error("BUG: index.html has no #app");
root.replaceChildren();
render(
  <Frame>
    <Page />
  </Frame>,
  root,
);
