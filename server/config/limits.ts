/** What is too much: docs/limits.md says what happens then. */
import { section, whole } from "./values.ts";

/** Senders wait ten seconds and more; a disk that pauses for half a second is no reason to refuse. */
const INGEST_WAIT_MS_DEFAULT = 1_000;

/** Prometheus' node_exporter has a thousand series, an agent with all its collectors a few hundred. */
const HOST_SERIES_MAX_DEFAULT = 10_000;
/** More than one server takes reports of every ten seconds; what makes up names makes more. */
const HOSTS_MAX_DEFAULT = 20_000;

export const limitsSchema = section({
  ingest_wait_ms: whole({ min: 10, max: 60_000, what: "a number of milliseconds" })
    .default(INGEST_WAIT_MS_DEFAULT)
    .describe(
      "Reports that would wait longer than this to be stored are refused (503), in milliseconds",
    ),
  host_series_max: whole({ min: 1, what: "a number of series" }).default(HOST_SERIES_MAX_DEFAULT)
    .describe("Series a host may have; further ones are refused and told, the others go on"),
  hosts_max: whole({ min: 1, max: 2_147_483_647, what: "a number of hosts" })
    .default(HOSTS_MAX_DEFAULT)
    .describe("Hosts there may be; reports of further ones are refused and told"),
});
