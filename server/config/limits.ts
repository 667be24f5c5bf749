/** What is too much: docs/limits.md says what happens then. */
import { z } from "zod";
import { shown } from "../../report.ts";
import { section, whole } from "./values.ts";

/** Senders wait ten seconds and more; a disk that pauses for half a second is no reason to refuse. */
const INGEST_WAIT_MS_DEFAULT = 1_000;

/** Prometheus' node_exporter has a thousand series, an agent with all its collectors a few hundred. */
const HOST_SERIES_MAX_DEFAULT = 10_000;
/** More than one server takes reports of every ten seconds; what makes up names makes more. */
const HOSTS_MAX_DEFAULT = 20_000;

/** The largest questions of the page take a few seconds on a busy machine. */
const QUESTION_S_DEFAULT = 30;
/** 100,000 blocks take about a second; 500,000 points are some 20 MB of JSON. */
const QUESTION_BLOCKS_MAX_DEFAULT = 100_000;
const QUESTION_POINTS_MAX_DEFAULT = 500_000;
/** Two are answered at a time: behind fifty others, nobody waits for the answer any more. */
const QUESTIONS_WAITING_MAX_DEFAULT = 50;

/** Proxies keep a connection for a minute or less, browsers for some minutes. */
const CONNECTION_IDLE_S_DEFAULT = 300;
/** A body of 16 MiB in two minutes is 1 Mbit/s. */
const REQUEST_S_DEFAULT = 120;
/** An idle one costs some 20 kB. */
const CONNECTIONS_MAX_DEFAULT = 10_000;

const rate = (what: string) =>
  z.union([whole({ min: 1, what }), z.null()], {
    error: (issue) =>
      `must be ${what}, a whole number of at least 1, or null for no limit: current value is ${
        shown(issue.input)
      }`,
  }).default(null);

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
  question_s: whole({ min: 1, max: 3_600, what: "a number of seconds" })
    .default(QUESTION_S_DEFAULT)
    .describe("A question that takes PostgreSQL longer is given up, in seconds"),
  question_blocks_max: whole({ min: 100, what: "a number of blocks" })
    .default(QUESTION_BLOCKS_MAX_DEFAULT)
    .describe(
      "Blocks of history one question may read; a larger one is refused before it is asked",
    ),
  question_points_max: whole({ min: 100, what: "a number of points" })
    .default(QUESTION_POINTS_MAX_DEFAULT)
    .describe("Points one answer may have"),
  questions_waiting_max: whole({ min: 0, what: "a number of questions" })
    .default(QUESTIONS_WAITING_MAX_DEFAULT)
    .describe("Large questions that wait for others; two are answered at a time"),
  client_requests_s: rate("a number of requests")
    .describe("Requests with reports a second of each token, or address; null is no limit"),
  client_reports_s: rate("a number of reports")
    .describe("Reports a second of each token, or address; null is no limit"),
  connections_max: whole({ min: 10, what: "a number of connections" })
    .default(CONNECTIONS_MAX_DEFAULT)
    .describe("Open connections; of more, those answered longest ago are closed (Linux)"),
  connection_idle_s: whole({ min: 10, what: "a number of seconds" })
    .default(CONNECTION_IDLE_S_DEFAULT)
    .describe("A connection with nothing on it is closed after so many seconds (Linux)"),
  request_s: whole({ min: 5, what: "a number of seconds" }).default(REQUEST_S_DEFAULT)
    .describe(
      "A request that has got no byte of an answer, or an answer of which nobody reads, is cut off " +
        "after so many seconds (Linux)",
    ),
});
