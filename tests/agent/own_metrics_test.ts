import assert from "node:assert/strict";
import {
  ownMetadata,
  ownMinuteSeries,
  type OwnNumbers,
  ownSeries,
} from "../../agent/own_metrics.ts";
import { ClockWatch, Minutes, summaryFields } from "../../agent/summary.ts";
import { EventLog } from "./event_log.ts";
import { readSource } from "../support/modules.ts";

/** Every number is another one. */
const OWN: OwnNumbers = {
  now_ms: 100_000,
  outbox: {
    ...{ collected: 100, stored: 50, duplicate: 7, refused: 3, waiting: 30, samples: 900 },
    dropped: { full: 4, age: 0, damaged: 6 },
    samples_dropped: 70,
    ...{ bytes: 4_096, oldest_at_ms: 40_000, newest_seq: 100, on_disk: true },
  },
  sender: {
    requests: 80,
    requests_failed: 9,
    sent_bytes: 5_000,
    send_ms: 12.34,
    clock_offset_ms: -5,
  },
  ticks_missed: 2,
  scripts_ms: 33.33,
  script_errors_total: 1,
  script_errors: new Map([["<name>", 1]]),
  script_costs: new Map([["<name>", { runs: 6, ms: 44.44, bytes: 777 }]]),
  script_processes: { running: 2, bytes: 120_000_000, ended: 1 },
};

Deno.test("ownSeries() reconciles: collected = sent + dropped + waiting", () => {
  const own = ownSeries(OWN);
  const value = (name: string) => Number(own.get(`monitor_agent_${name}`));
  const [sent, dropped] = [value("reports_sent_total"), value("reports_dropped_total")];
  assert.equal(value("reports_collected_total"), sent + dropped + value("reports_waiting"));
  const [stored, duplicate] = [value("reports_stored_total"), value("reports_duplicate_total")];
  assert.equal(sent, stored + duplicate + value("reports_refused_total"));
  assert.equal(value('reports_dropped_total{reason="damaged"}'), 6);
  assert.equal(own.has('monitor_agent_reports_dropped_total{reason="age"}'), false);
  assert.equal(value("oldest_waiting_s"), 60);
});

Deno.test("docs/agent.md lists what the agent says about itself", () => {
  const tables = readSource("docs/agent.md").split("| metric | unit | kind | what it is |\n")
    .slice(1).map((text) =>
      text.split("\n").slice(1, text.split("\n").findIndex((line) => !line.startsWith("|")))
    );
  const rows = (series: ReadonlyMap<string, unknown>) =>
    [...series.keys()].map((name) => {
      const { unit = "", kind = "", description = "" } = ownMetadata(name) ?? {};
      return `| \`${name}\` | ${unit} | ${kind} | ${description} |`;
    });
  assert.deepEqual(tables, [rows(ownSeries(OWN)), rows(ownMinuteSeries(OWN))]);
});

Deno.test("summaryFields() tells the minute, and of troubles only those there were", () => {
  const before = { ...OWN, scripts_ms_total: 1_000 };
  const outbox = { ...OWN.outbox, collected: 106, stored: 57, waiting: 28, samples: 960 };
  const after = { ...before, outbox, script_errors_total: 2, scripts_ms_total: 1_090.4 };
  const told = Object.entries(summaryFields(before, after)).filter(([, value]) =>
    value !== undefined
  );
  assert.deepEqual(Object.fromEntries(told), {
    ...{ collected: 6, sent: 7, samples: 60, waiting: 28, spool_bytes: 4_096 },
    ...{ send_ms: 12, scripts_ms: 90, script_errors: 1, clock_offset_ms: -5 },
  });
});

Deno.test("ClockWatch tells of a wrong clock once, and when it is right again", () => {
  const { log, events } = new EventLog();
  const watch = new ClockWatch();
  for (const offset_ms of [undefined, 20_000, -31_000, 40_000, 5, undefined, 31_000]) {
    watch.tell(offset_ms, log);
  }
  assert.deepEqual(events.map(({ level, clock_offset_ms }) => [level, clock_offset_ms]), [
    ["warn", -31_000],
    ["info", 5],
    ["warn", 31_000],
  ]);
});

Deno.test("Minutes.begins() once for each minute after the first", () => {
  const minutes = new Minutes();
  const told = [0, 10, 50, 60, 70, 119, 120, 300, 310].filter((s) => minutes.begins(s * 1_000));
  assert.deepEqual(told, [60, 120, 300]);
});
