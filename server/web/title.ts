/** What the browser's tab and history call the page. */
/// <reference lib="dom" />
import { effect } from "@preact/signals";
import { hosts } from "./live.ts";
import { path } from "./route.ts";
import { TEXT } from "./text.ts";

const NAMES: Readonly<Record<string, string>> = {
  "/explore": TEXT.pages.explore,
  "/alerts": TEXT.pages.alerts,
  "/downtimes": TEXT.pages.downtimes,
  "/settings": TEXT.pages.settings,
};

/** The host whose page an address is, or undefined. */
export function hostOf(path: string): string | undefined {
  const name = /^\/hosts\/([^/]+)$/.exec(path)?.[1];
  try {
    return name === undefined ? undefined : decodeURIComponent(name);
  } catch {
    // a percent sign that somebody typed
    return name;
  }
}

/** `web-1 · monitor`. */
export function titleOf(path: string, aliasOf: (hostname: string) => string | null): string {
  const host = hostOf(path);
  const page = host === undefined
    ? NAMES[path] ?? NAMES[`/${path.split("/")[1]}`]
    : aliasOf(host) ?? host;
  return page === undefined ? TEXT.product : `${page} · ${TEXT.product}`;
}

export function startTitle(): void {
  effect(() => {
    const known = hosts.value;
    document.title = titleOf(path.value, (hostname) => known?.get(hostname)?.alias ?? null);
  });
}
