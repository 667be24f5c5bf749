/** What stands where something is being read, and where reading has failed. */
import { TEXT } from "./text.ts";

export function Skeletons({ height_px = 52 }: { height_px?: number }) {
  return (
    <div aria-busy="true">
      {Array.from(
        { length: 4 },
        (_, i) => (
          <div key={i} class="skeleton" style={{ height: `${height_px}px`, margin: "8px 0" }} />
        ),
      )}
    </div>
  );
}

/** What failed, and the way to try again. */
export function Failure({ error, onRetry }: { error: string; onRetry: () => void }) {
  return (
    <div class="banner error" role="alert">
      {error} <button type="button" onClick={onRetry}>{TEXT.retry}</button>
    </div>
  );
}
