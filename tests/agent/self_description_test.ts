/** What an agent says about itself fits the contract, whatever its collectors are. */
import assert from "node:assert/strict";
import type { Collector } from "../../agent/collectors.ts";
import { agentFacts, describeMachine, readOsName } from "../../agent/self_description.ts";
import { agentFactsSchema } from "../../report.ts";

function collector(name: string, permissions: Collector["permissions"]): Collector {
  return {
    ...{ name, file: `/x/${name}.ts`, origin: "user", metadata: {}, permissions },
    ...{ every_ms: 10_000, timeout_ms: 5_000 },
    runner: {
      collect: () => Promise.reject(new Error("is not run")),
      metadata: () => undefined,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  };
}

Deno.test("agentFacts() says what each collector may do, and what is wrong", () => {
  const machine = describeMachine("1.2.3");
  assert.equal(machine.version, "1.2.3");
  assert.equal(machine.arch, Deno.build.arch);
  const file = "/x/x.ts";
  const facts = agentFacts(machine, {
    collectors: [collector("web", { net: ["localhost:80"] }), collector("idle", {})],
    rejected: [
      { name: "bad", file, origin: "user", state: "broken", reason: "SyntaxError" },
      { name: "mac", file, origin: "shipped", state: "elsewhere", reason: "not here" },
    ],
    troubles: () => new Map([["web", "refused"]]),
  });
  assert.deepEqual(facts.collectors, [
    {
      ...{ name: "web", origin: "user", every_s: 10, timeout_s: 5 },
      ...{ permissions: "net localhost:80", error: "refused" },
    },
    {
      ...{ name: "idle", origin: "user", every_s: 10, timeout_s: 5 },
      ...{ permissions: "none", error: null },
    },
    {
      ...{ name: "bad", origin: "user", every_s: null, timeout_s: null },
      ...{ permissions: "none", error: "SyntaxError" },
    },
  ]);
  assert.deepEqual(agentFactsSchema.strict().parse(facts), facts);
});

Deno.test("agentFacts() stays within what the contract allows", () => {
  const long = "x".repeat(5_000);
  const collectors = Array.from(
    { length: 500 },
    (_, i) => collector(`${long}${i}`, { read: [long] }),
  );
  const troubles = () => new Map(collectors.map(({ name }) => [name, long]));
  const facts = agentFacts(describeMachine(long), { collectors, rejected: [], troubles });
  agentFactsSchema.parse(facts);
  assert.equal(facts.collectors.length, 300);
});

Deno.test("readOsName() reads what people call a system", () => {
  assert.equal(
    readOsName('NAME=x\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'),
    "Debian GNU/Linux 13 (trixie)",
  );
  assert.equal(readOsName("PRETTY_NAME='Alpine'"), "Alpine");
  assert.equal(readOsName("ID=void"), undefined);
});
