/** The state machine against an independent reference, over random histories. */
import assert from "node:assert/strict";
import { differenceOf, historyOf, machineTells } from "./histories.ts";

/** A million by hand: `deno task bench alert-model`. */
const HISTORIES = 20_000;

Deno.test(`the state machine does what its reference does, in ${HISTORIES} histories`, () => {
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const difference = differenceOf(seed);
    if (difference !== undefined) assert.fail(difference);
  }
});

Deno.test("the histories have everything in them", () => {
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= 500; seed++) {
    const history = historyOf(seed);
    for (const event of machineTells(history)) {
      if (event !== undefined) counts.set(event, (counts.get(event) ?? 0) + 1);
    }
    for (const look of history.seen) {
      const kind = look === "closed"
        ? "closed"
        : look.truths[0] === "unknown"
        ? "unknown"
        : "known";
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  }
  for (
    const kind of [
      "firing warning",
      "firing critical",
      "severity critical",
      "severity warning",
      "resolved",
      "flapping",
      "closed",
      "unknown",
      "known",
    ]
  ) assert.ok((counts.get(kind) ?? 0) > 20, `${kind} came ${counts.get(kind) ?? 0} times`);
});
