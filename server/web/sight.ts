/**
 * Which parts of a page are in sight, and how wide they are. One observer for all of them: a host may
 * have five hundred charts.
 */
/// <reference lib="dom" />
import { useEffect, useRef, useState } from "preact/hooks";

/** Drawn before it comes into sight. */
const AHEAD_PX = 400;

type Told = (seen: boolean, width_px?: number) => void;
const told = new WeakMap<Element, Told>();
const widths = new WeakMap<Element, (width_px: number) => void>();
let printing = false;
const on_paper = new Set<Told>();

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting, boundingClientRect } of entries) {
    told.get(target)?.(isIntersecting, boundingClientRect.width);
  }
}, { rootMargin: `${AHEAD_PX}px 0px` });

const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) widths.get(target)?.(contentRect.width);
});

// on paper everything is in sight
addEventListener("beforeprint", () => {
  printing = true;
  for (const tell of on_paper) tell(true);
});
addEventListener("afterprint", () => printing = false);

export interface Sight<T extends Element> {
  place: { current: T | null };
  /** It is in sight, or soon will be. */
  is_seen: boolean;
  /** What was seen last, without asking the browser to lay the page out. */
  width_px: { current: number };
}

/** A place on the page, and whether it is in sight. */
export function useSight<T extends Element>(): Sight<T> {
  const place = useRef<T>(null);
  const width_px = useRef(0);
  const [is_seen, setSeen] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const tell = (seen: boolean, width = element.clientWidth) => {
      width_px.current = width;
      setSeen(seen || printing);
    };
    told.set(element, tell);
    on_paper.add(tell);
    sight.observe(element);
    return () => {
      on_paper.delete(tell);
      sight.unobserve(element);
    };
  }, []);
  return { place, is_seen, width_px };
}

/** Calls `onWidth` with the width of an element, now and whenever it changes. */
export function followWidth(element: Element, onWidth: (width_px: number) => void): () => void {
  widths.set(element, onWidth);
  sizes.observe(element);
  return () => sizes.unobserve(element);
}
