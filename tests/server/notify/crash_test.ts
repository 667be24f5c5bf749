/** A small crash matrix; the large one is `deno task bench notify_crash`. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { runCrashMatrix } from "./crash_matrix.ts";

const KILLS = 6;

Deno.test("two servers, killed 6 times: everything is told, once by its key, and no end without a beginning", async () => {
  const seed = systemClock.now() % 1_000_000;
  try {
    const figures = await runCrashMatrix({ kills: KILLS, seed });
    assert.ok(figures.incidents > 10, "too little happened to show anything");
  } catch (error) {
    throw new Error(`failed with the seed ${seed}`, { cause: error });
  }
});
