/** How a number's last hour is drawn. */
import assert from "node:assert/strict";
import { newestOf, numberPath } from "../../../server/web/server_numbers.ts";

Deno.test("numberPath() draws from 0 to the largest value, with a gap where steps are missing", () => {
  const box = { from: 0, to: 100, step_s: 10 };
  assert.equal(numberPath([0, 10, 50, 60], [0, 2, 4, null], box), "M0.0 98.0L10.0 50.0M50.0 2.0");
  assert.equal(numberPath([0], [0], box), "M0.0 98.0");
  assert.equal(numberPath([], [], box), "");
});

Deno.test("newestOf() leaves out what is not known yet", () => {
  assert.equal(newestOf([1, 2, null]), 2);
  assert.equal(newestOf([null]), null);
});
