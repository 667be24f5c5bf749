import assert from "node:assert/strict";
import type { Collector, RejectedScript } from "../../agent/collectors.ts";
import { LoadedLog } from "../../agent/loaded_log.ts";
import type { PermissionSet } from "../../agent/permissions.ts";
import { EventLog } from "./event_log.ts";

function collector(name: string, permissions: PermissionSet = {}): Collector {
  return {
    name,
    file: `${name}.ts`,
    origin: "user",
    metadata: {},
    every_ms: 10_000,
    timeout_ms: 5_000,
    permissions,
    runner: {
      collect: () => Promise.resolve({ kind: "failed", message: "is not run" }),
      metadata: () => undefined,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  };
}

const broken = (reason: string): RejectedScript => ({
  name: "b",
  file: "b.ts",
  origin: "user",
  state: "broken",
  reason,
});

Deno.test("LoadedLog tells what is wrong and what escapes the sandbox, each once", () => {
  const events = new EventLog();
  const loaded_log = new LoadedLog(events.log);
  const a = collector("a");
  const trusted = collector("t", { run: ["df"] });
  const tell = (
    collectors: Collector[],
    rejected: RejectedScript[] = [],
    problems: string[] = [],
  ) => {
    const before = events.events.length;
    loaded_log.tell({ collectors, rejected, problems });
    return events.messages("info").slice(before);
  };
  const is_trusted = "Collector is trusted: it escapes the sandbox";
  assert.deepEqual(tell([a, trusted], [broken("x")], ["no approvals"]), [
    "no approvals",
    "Collector is not run",
    is_trusted,
  ]);
  assert.deepEqual(tell([a, trusted], [broken("x")], ["no approvals"]), []);
  assert.deepEqual(tell([a, trusted], [broken("y")]), ["Collector is not run"]);
  assert.deepEqual(tell([a, trusted]), []);
  assert.deepEqual(tell([a, trusted], [broken("y")]), ["Collector is not run"], "it was well");
  assert.deepEqual(tell([collector("a"), collector("n")]), [
    "Collector has changed",
    "Collector is new",
    "Collector is no more",
  ]);
});
