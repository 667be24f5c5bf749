/** Answers of the server that a part of the page shows. */
import { useEffect } from "preact/hooks";
import { request } from "./api.ts";

/**
 * Asks for `path` now, and anew when it or `again` changes (undefined: not at all). An answer that comes
 * after that belongs to another question and is not taken, however late it is.
 */
export function useAnswer<T>(
  path: string | undefined,
  { take, onFault = () => {}, again }: {
    take: (answer: T) => void;
    /** Default: what is shown stays; the page says by itself that the server does not answer. */
    onFault?: (fault: unknown) => void;
    again?: unknown;
  },
): void {
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    request<T>(path, { signal: abort.signal }).then(
      (answer) => abort.signal.aborted || take(answer),
      (fault) => abort.signal.aborted || onFault(fault),
    );
    return () => abort.abort();
  }, [path, again]);
}
