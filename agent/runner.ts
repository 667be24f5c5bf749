/**
 * What makes a collector's values: a script in the sandbox, or anything else that can be asked for
 * them. From a tick to a report all collectors are treated alike; what they are is known only to
 * their runners. A runner is started with its collector and ended alone, without the others.
 */
import type { MetricMetadata } from "../report.ts";
import type { Series } from "./collected.ts";

export interface Run {
  /** The time its values are stamped with. */
  at_ms: number;
  /** How long it may take. */
  timeout_ms: number;
}

/**
 * What a run came to. `timeout` and `stuck` count as missed deadlines; the message is for the author.
 * `series` are complete: checked, and of a form that the server takes. A failed run may have some too,
 * such as that its target is down.
 */
export type Outcome =
  | { kind: "done"; series: Series; note?: string }
  | { kind: "failed" | "timeout" | "stuck" | "lost"; message: string; series?: Series };

export interface Runner extends AsyncDisposable {
  /** Runs once. Never rejects, and is not called again before it has ended. */
  collect(run: Run): Promise<Outcome>;
  /** What a series it has made means; undefined when nothing is known of it. */
  metadata(series: string): MetricMetadata | undefined;
}
