import assert from "node:assert/strict";
import { HostFacts } from "../../agent/facts.ts";

Deno.test("HostFacts.due() tells of thousands of series in several requests", () => {
  const facts = new HostFacts({ alias: "Web", tags: {} });
  for (let i = 0; i < 4_500; i++) facts.note(`s${i}`, () => ({ unit: "B" }));
  const told = new Set<string>();
  const requests: boolean[] = [];
  for (let due = facts.due(0); due !== undefined; due = facts.due(0)) {
    requests.push(due.complete);
    for (const name of Object.keys(due.facts.metadata)) told.add(name);
    facts.told(due, 0);
  }
  assert.deepEqual(requests, [true, false, false]);
  assert.equal(told.size, 4_500);
  assert.equal(facts.due(3_599_999), undefined);
  assert.equal(facts.due(3_600_000)?.facts.alias, "Web", "all again after an hour");
});
