import assert from "node:assert/strict";
import fc from "fast-check";
import { copyOrder, emptyOrder, referencesOf } from "../../../db/transfer/plan.ts";

/** References among ten tables without a ring: only to tables of a smaller number. */
const graphs = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 20 }).map((pairs) => ({
  labels: Array.from({ length: 10 }, (_, i) => `t${(i * 7) % 10}`),
  references: pairs.filter(([a, b]) => a > b).map(([a, b]) => ({ from: `t${a}`, to: `t${b}` })),
}));

Deno.test("copyOrder() puts every table behind those it refers to", () => {
  fc.assert(fc.property(graphs, ({ labels, references }) => {
    const order = copyOrder(labels, references);
    assert.deepEqual(order.toSorted(), labels.toSorted());
    for (const { from, to } of references) assert.ok(order.indexOf(to) < order.indexOf(from));
  }));
  assert.deepEqual(copyOrder(["b", "a"], []), ["b", "a"]);
});

Deno.test("copyOrder() tells of a ring", () => {
  const ring = [{ from: "a", to: "b" }, { from: "b", to: "a" }];
  assert.throws(() => copyOrder(["a", "b"], ring), /a → b → a/);
});

Deno.test("emptyOrder() empties whatever refers to it first, by way of others too", () => {
  fc.assert(fc.property(graphs, fc.nat(9), ({ labels, references }, which) => {
    const order = emptyOrder([`t${which}`], labels, references);
    for (const { from, to } of references) {
      if (!order.includes(to)) continue;
      assert.ok(order.includes(from) && order.indexOf(from) < order.indexOf(to));
    }
  }));
  assert.deepEqual(emptyOrder([], ["a"], []), []);
});

Deno.test("referencesOf() gives a partitioned table's references to its partitions, once each", () => {
  const relations = [
    { label: "p_1", parent: "p" },
    { label: "p_2", parent: "p" },
    { label: "host", parent: undefined },
  ];
  const found = referencesOf(relations, [{ from: "p", to: "host" }, { from: "p_1", to: "host" }]);
  assert.deepEqual(found, [{ from: "p_1", to: "host" }, { from: "p_2", to: "host" }]);
});
