/**
 * What the trusted side (sandbox_cell.ts) and a Worker (sandbox_worker.ts) say to each other. What
 * comes from a Worker is data of unknown scripts: sandbox_messages.ts looks at it before anybody else.
 *
 * Results travel as JSON text. Parsing gives nothing but plain data, and its length is known before.
 */

import type { NormalPermissions } from "./permissions.ts";

export type ToWorker =
  /** First message. `held`: what scripts that are not part of the product were granted. */
  | { type: "start"; platform: string; held?: NormalPermissions }
  | { type: "load"; request: number; script: string; text: string }
  | { type: "collect"; request: number; script: string; options: Record<string, unknown> }
  | { type: "forget"; script: string }
  | { type: "reply"; call: number; value: unknown }
  | { type: "refuse"; call: number; message: string }
  /** Answered at once by a Worker whose thread is free. */
  | { type: "ping" };

/**
 * As it travels: scripts can make events of their own, so the Worker takes only messages with the key
 * that came with the first one, before any script was there.
 */
export type KeyedMessage = ToWorker & { key: string };

export type FromWorker =
  /** The Worker turns to this request; if it says nothing any more, that is the one it is busy with. */
  | { type: "turn"; request: number }
  /** `json` is the metadata of a loaded script, or what `collect()` returned. */
  | { type: "done"; request: number; json?: string }
  | { type: "failed"; request: number; message: string }
  | { type: "call"; call: number; request: number; method: string; argument?: unknown }
  /** Something a script left behind: an error nobody awaited, or lines for the console. */
  | { type: "stray"; message: string; script?: string }
  | { type: "console"; message: string }
  | { type: "pong" };

/** A report of 10,000 metrics with long names fits. */
export const RESULT_CHARS_MAX = 2 * 1024 * 1024;
/** An error message is for a log line. */
export const MESSAGE_CHARS_MAX = 1_000;
