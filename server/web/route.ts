/** Where the page is: its address is its state, so that it can be shared and the browser's back works. */
import { computed, signal } from "@preact/signals";
import { DEFAULT_RANGE, type Range } from "./range.ts";

function read(): URL {
  return new URL(location.href);
}

const here = signal(read());

addEventListener("popstate", () => here.value = read());

export const path = computed(() => here.value.pathname);
export const query = computed(() => here.value.searchParams);

/** The range in the address, or the last hour. */
export const range = computed((): Range => ({
  from: query.value.get("from") ?? DEFAULT_RANGE.from,
  to: query.value.get("to") ?? DEFAULT_RANGE.to,
}));

/** Goes to another page, or to the same one with other parameters (undefined removes one). */
export function go(
  to: string,
  options: { query?: Record<string, string | undefined>; replace?: boolean } = {},
): void {
  const url = new URL(to, location.origin);
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value === undefined || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  if (url.href === location.href) return;
  if (options.replace === true) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  const same_page = url.pathname === here.value.pathname;
  here.value = url;
  if (!same_page) scrollTo(0, 0);
}

/** Changes parameters of this page. */
export function setQuery(
  changes: Record<string, string | undefined>,
  options: { replace?: boolean } = {},
): void {
  go(location.pathname + location.search, { query: changes, ...options });
}

/** The address of another page at the same range. */
export function link(to: string): string {
  const kept = new URLSearchParams();
  for (const name of ["from", "to"]) {
    const value = query.value.get(name);
    if (value !== null) kept.set(name, value);
  }
  const text = kept.toString();
  return text === "" ? to : `${to}?${text}`;
}

export function hostLink(hostname: string): string {
  return link(`/hosts/${encodeURIComponent(hostname)}`);
}

/** Clicks on links of ours change the page without loading it again. */
addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const anchor = event.target instanceof Element ? event.target.closest("a") : null;
  if (anchor === null || anchor.origin !== location.origin || anchor.target !== "") return;
  if (anchor.hasAttribute("download") || /^\/(api|fetch|assets)(\/|$)/.test(anchor.pathname)) {
    return;
  }
  event.preventDefault();
  go(anchor.href);
});
