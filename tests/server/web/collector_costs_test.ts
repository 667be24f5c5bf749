import assert from "node:assert/strict";
import { collectorsOf } from "../../../server/web/collector_costs.ts";

Deno.test("collectorsOf() gathers what an agent says of each of its collectors", () => {
  assert.deepEqual(
    collectorsOf({
      'monitor_agent_script_runs_total{script="disk"}': 10,
      'monitor_agent_script_ms_total{script="disk"}': 30,
      'monitor_agent_script_bytes_total{script="disk"}': 900,
      'monitor_agent_script_runs_total{script="my.py"}': 5,
      'monitor_agent_script_ms_total{script="my.py"}': 400,
      'monitor_agent_script_errors_total{script="my.py"}': 2,
      monitor_agent_script_errors_total: 2,
      cpu_usage: 4,
    }),
    [
      { name: "my.py", runs: 5, errors: 2, ms: 400, bytes: 0 },
      { name: "disk", runs: 10, errors: 0, ms: 30, bytes: 900 },
    ],
  );
});

Deno.test("collectorsOf() adds what the agent says of them, also of those that do not run", () => {
  const said = {
    collectors: [
      { name: "disk", every_s: 60, permissions: "none", error: null },
      { name: "own", every_s: null, permissions: "none", error: "needs net" },
    ],
  };
  assert.deepEqual(collectorsOf({ 'monitor_agent_script_runs_total{script="disk"}': 1 }, said), [
    { name: "disk", runs: 1, errors: 0, ms: 0, bytes: 0, every_s: 60, permissions: "none" },
    {
      ...{ name: "own", runs: 0, errors: 0, ms: 0, bytes: 0 },
      ...{ every_s: null, permissions: "none", error: "needs net" },
    },
  ]);
});
