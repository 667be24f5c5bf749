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

Deno.test("HostFacts.due() tells of the agent at first, when it changes, at most once a minute", () => {
  const agent = {
    ...{ version: "1.0.0", os: "Debian", kernel: "6.12", arch: "x86_64" },
    collectors: [{
      ...{ name: "disk", origin: "shipped", every_s: 10, timeout_s: 5, permissions: "none" },
      error: null as string | null,
    }],
  };
  const facts = new HostFacts({ tags: {} }, () => structuredClone(agent));
  const at = (now_ms: number) => {
    const due = facts.due(now_ms);
    if (due !== undefined) facts.told(due, now_ms);
    return due?.facts.agent;
  };
  assert.deepEqual(at(0), agent);
  assert.equal(at(120_000), undefined, "nothing is new");
  const [disk] = agent.collectors;
  assert.ok(disk !== undefined);
  disk.error = "no such disk";
  assert.equal(at(130_000)?.collectors[0]?.error, "no such disk");
  disk.error = "another";
  assert.equal(at(189_999), undefined, "a minute has not passed");
  assert.equal(at(190_000)?.collectors[0]?.error, "another");
  facts.renew({ tags: {} });
  assert.deepEqual(at(190_001), agent, "all is told anew");
});

Deno.test("HostFacts.told() takes no answer for facts that were renewed meanwhile", () => {
  const facts = new HostFacts({ alias: "old", tags: {} });
  const due = facts.due(0);
  assert.ok(due !== undefined);
  facts.renew({ alias: "new", tags: {} });
  facts.told(due, 10);
  assert.equal(facts.due(20)?.facts.alias, "new");
});
