/** Light or dark: as the system says, until somebody chooses. */
import { signal } from "@preact/signals";

const KEY = "monitor.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // storage may be forbidden: then the system decides
    return null;
  }
}

export const dark = signal(chosen() === null ? system.matches : chosen() === "dark");

/** Shows the theme there is, and follows the system. */
export function applyTheme(): void {
  system.addEventListener("change", () => {
    if (chosen() === null) dark.value = system.matches;
  });
  dark.subscribe((is_dark) => {
    document.documentElement.dataset.theme = is_dark ? "dark" : "light";
  });
}

export function toggleTheme(): void {
  dark.value = !dark.value;
  try {
    localStorage.setItem(KEY, dark.value ? "dark" : "light");
  } catch {
    // it holds until the page is closed
  }
}

const colours = new Map<string, string>();

/** A colour of the style sheet, for what is drawn on a canvas. */
export function colour(name: string): string {
  // asking a style sheet makes the browser lay out what is new on the page: once is enough
  const key = `${dark.value} ${name}`;
  const known = colours.get(key);
  if (known !== undefined) return known;
  const read = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  colours.set(key, read);
  return read;
}
