/** The keyboard: letters do something wherever no text is being written. */
import { signal } from "@preact/signals";
import { Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { go, link } from "./route.ts";
import { TEXT } from "./text.ts";

export const help_open = signal(false);

/** What a page does with keys of its own; true when it knew what to do. */
export type PageKeys = (key: string) => boolean;
let page_keys: PageKeys | undefined;

/** The keys of the page that is shown; the function that is returned takes them away again. */
export function usePageKeys(keys: PageKeys): void {
  useEffect(() => {
    page_keys = keys;
    return () => page_keys = undefined;
  });
}

const PAGES: Readonly<Record<string, string>> = {
  o: "/",
  h: "/",
  e: "/explore",
  a: "/alerts",
  d: "/downtimes",
  s: "/settings",
};

export function startKeys(): void {
  let after_g = false;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target, key } = event;
    const is_text = target instanceof HTMLElement &&
      (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest("dialog") !== null);
    if (is_text) {
      if (key === "Escape" && target instanceof HTMLElement) target.blur();
      return;
    }
    const page = after_g ? PAGES[key] : undefined;
    after_g = key === "g";
    if (page !== undefined) go(link(page));
    else if (key === "/") document.getElementById("search")?.focus();
    else if (key === "?") help_open.value = true;
    else if (page_keys?.(key) !== true) return;
    event.preventDefault();
  });
}

export function KeyHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  const is_open = help_open.value;
  useEffect(() => {
    if (is_open) dialog.current?.showModal();
  }, [is_open]);
  return (
    <dialog ref={dialog} onClose={() => help_open.value = false} aria-label={TEXT.help}>
      <h2>{TEXT.help}</h2>
      <div class="keys">
        {TEXT.keys.map(([key, what]) => (
          <Fragment key={key}>
            <kbd>{key}</kbd>
            <span>{what}</span>
          </Fragment>
        ))}
      </div>
      <p />
      <button type="button" onClick={() => dialog.current?.close()}>{TEXT.close}</button>
    </dialog>
  );
}
