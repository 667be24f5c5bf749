/** What the server (service.ts) and the Worker that aggregates (worker.ts) say to each other. */
import type { DatabaseAddress } from "../../db/address.ts";
import type { LogFields, LogLevel } from "../../log.ts";
import type { Retention } from "../retention.ts";
import type { RunOutcome } from "./run.ts";

export type ToWorker =
  /** First message, once. */
  | {
    type: "run";
    address: DatabaseAddress;
    now_ms: number;
    grace_ms: number;
    retention: Retention;
  }
  /** End between two transactions; "failed" follows. */
  | { type: "stop" };

export type FromWorker =
  | { type: "log"; level: LogLevel; msg: string; fields: LogFields }
  | { type: "done"; outcome: RunOutcome }
  /** `code` is the SQLSTATE or the driver's code, when there is one. */
  | { type: "failed"; message: string; code: string | undefined };
