/** What is too much: docs/limits.md says what happens then. */
import { section, whole } from "./values.ts";

/** Senders wait ten seconds and more; a disk that pauses for half a second is no reason to refuse. */
const INGEST_WAIT_MS_DEFAULT = 1_000;

export const limitsSchema = section({
  ingest_wait_ms: whole({ min: 10, max: 60_000, what: "a number of milliseconds" })
    .default(INGEST_WAIT_MS_DEFAULT)
    .describe(
      "Reports that would wait longer than this to be stored are refused (503), in milliseconds",
    ),
});
