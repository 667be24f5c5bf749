/** A few seeds of `deno task chaos`; what happens in each follows from it. */
import assert from "node:assert/strict";
import { simulate } from "./simulation.ts";

const ROUNDS = 15;

for (const seed of [3, 4]) {
  Deno.test(`simulation ${seed}: faults of every kind lose, double and make up nothing`, async () => {
    const result = await simulate(seed, ROUNDS);
    assert.equal(result.collected, 4 * ROUNDS);
    assert.ok(result.stored > 0);
  });
}
