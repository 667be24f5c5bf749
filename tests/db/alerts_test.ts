/** State, incidents and outbox in one transaction, and what is taken from the outbox. */
import assert from "node:assert/strict";
import {
  type AlertChanges,
  type AlertRow,
  EvaluatorReplacedError,
  saveChanges,
  selectAlerts,
} from "../../db/alerts.ts";
import {
  acknowledgeIncident,
  selectIncident,
  selectIncidentEvents,
  selectIncidents,
} from "../../db/incidents.ts";
import { claimTransitions, countWaiting } from "../../db/transitions.ts";
import { transaction } from "../../db/transaction.ts";
import { testDatabase } from "../support/test_database.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);

const NOTHING: AlertChanges = {
  alerts: [],
  removed: [],
  opened: [],
  changed: [],
  events: [],
  transitions: [],
  requests_done: [],
};

function opening(key: string, host_id = 1): AlertChanges {
  const at_ms = NOW_MS;
  const alert: AlertRow = {
    host_id,
    rule_id: 7,
    metric: "cpu",
    state: "firing",
    severity: "warning",
    machine: { since: 5 },
    incident_key: key,
    value: 91,
    unknown: null,
    changed_at_ms: at_ms,
  };
  return {
    ...NOTHING,
    alerts: [alert],
    opened: [{
      host_id,
      key,
      rule_id: 7,
      metric: "cpu",
      hostname: "a",
      story: "threshold",
      severity: "warning",
      summary: "cpu is 91 %",
      labels: { host: "a" },
      rule: { name: "busy" },
      value: 91,
      threshold: 90,
      opened_at_ms: at_ms,
    }],
    events: [{ host_id, incident_key: key, at_ms, kind: "opened" }],
    transitions: [{
      host_id,
      key: `${key} firing`,
      incident_key: key,
      kind: "firing",
      severity: "warning",
      at_ms,
    }],
  };
}

Deno.test("saveChanges() writes state, incident and outbox once, also when it is carried out twice", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await saveChanges(sql, opening("k1"), 0);
  await saveChanges(sql, opening("k1"), 0);
  const [incident, ...others] = await selectIncidents(sql, { limit: 10 });
  assert.equal(others.length, 0);
  assert.equal(incident?.summary, "cpu is 91 %");
  assert.equal(incident.opened_ms, NOW_MS);
  assert.deepEqual(incident.labels, { host: "a" });
  assert.equal((await selectIncidentEvents(sql, incident.id)).length, 1);
  assert.deepEqual((await selectAlerts(sql)).map((row) => row.machine), [{ since: 5 }]);
  assert.deepEqual(await countWaiting(sql), { waiting: 1, oldest_ms: NOW_MS });
});

Deno.test("saveChanges() writes nothing for an evaluator that was replaced", async () => {
  await using database = await testDatabase();
  await assert.rejects(saveChanges(database.sql, opening("k1"), 3), EvaluatorReplacedError);
  assert.equal((await selectAlerts(database.sql)).length, 0);
  assert.equal((await selectIncidents(database.sql, { limit: 10 })).length, 0);
});

Deno.test("claimTransitions() gives each to one taker, and back when its transaction fails", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  for (const key of ["k1", "k2", "k3"]) await saveChanges(sql, opening(key), 0);
  const failing = transaction(sql, async (tx) => {
    assert.equal((await claimTransitions(tx, { limit: 10, now_ms: NOW_MS })).length, 3);
    throw new Error("killed");
  });
  await assert.rejects(failing, /killed/);
  const taken = await transaction(sql, async (tx) => {
    const first = await claimTransitions(tx, { limit: 2, now_ms: NOW_MS });
    const beside = await transaction(
      sql,
      (other) => claimTransitions(other, { limit: 2, now_ms: NOW_MS }),
    );
    return [first, beside];
  });
  assert.deepEqual(taken.map((rows) => rows.map((row) => row.key)), [
    ["k1 firing", "k2 firing"],
    ["k3 firing"],
  ]);
  assert.equal(taken[0]?.[0]?.hostname, "a");
});

Deno.test("an acknowledgement is told, and ends when the incident gets worse", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  await saveChanges(sql, opening("k1"), 0);
  const [incident] = await selectIncidents(sql, { limit: 1 });
  assert.ok(incident);
  const remark = { incident, who: "ann", note: "looking", at_ms: NOW_MS + 1, until_ms: null };
  assert.equal(await acknowledgeIncident(sql, remark), true);
  assert.equal((await selectIncident(sql, incident.id))?.acknowledged_by, "ann");
  const worse = { host_id: 1, key: "k1", severity: "critical" as const, value: 97 };
  await saveChanges(sql, { ...NOTHING, changed: [worse] }, 0);
  const now = await selectIncident(sql, incident.id);
  assert.equal(now?.acknowledged_by, null);
  assert.deepEqual([now.severity, now.worst_severity, now.value], ["critical", "critical", 97]);
  const done = { host_id: 1, key: "k1", resolved_at_ms: NOW_MS + 9, resolved_reason: "recovered" };
  await saveChanges(sql, { ...NOTHING, changed: [done] }, 0);
  assert.equal(await acknowledgeIncident(sql, remark), false);
  const kinds = await transaction(
    sql,
    (tx) => claimTransitions(tx, { limit: 9, now_ms: NOW_MS }),
  );
  assert.deepEqual(kinds.map(({ kind }) => kind), ["firing", "acknowledged"]);
});

Deno.test("selectIncidents() pages through in order, and filters", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  for (const key of ["k1", "k2", "k3"]) await saveChanges(sql, opening(key), 0);
  const [newest] = await selectIncidents(sql, { limit: 1 });
  assert.ok(newest);
  const rest = await selectIncidents(sql, {
    limit: 9,
    after: { opened_ms: newest.opened_ms, id: newest.id },
    state: "open",
    hostname: "a",
    text: "91 %",
  });
  assert.deepEqual(rest.map(({ key }) => key), ["k2", "k1"]);
  assert.equal((await selectIncidents(sql, { limit: 9, text: "91_%" })).length, 0);
  assert.equal((await selectIncidents(sql, { limit: 9, state: "resolved" })).length, 0);
});
