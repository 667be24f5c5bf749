import assert from "node:assert/strict";
import fc from "fast-check";
import { recoverState } from "../../../agent/spool/recovery.ts";
import { SpoolState } from "../../../agent/spool/state.ts";

const NOTHING = { stored: 0, duplicate: 0, refused: 0, samples: 0 };

function stateWith(reports: number): SpoolState {
  const state = SpoolState.from(1);
  for (let seq = 1; seq <= reports; seq++) state.take();
  return state;
}

Deno.test("SpoolState: every report is in exactly one counter", () => {
  const anyStep = fc.record({
    what: fc.constantFrom("settle", "drop"),
    count: fc.integer({ min: 1, max: 4 }),
    skip: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(fc.property(fc.integer({ min: 0, max: 30 }), fc.array(anyStep), (reports, steps) => {
    const state = stateWith(reports);
    for (const { what, count, skip } of steps) {
      const waiting = state.waitingWithin(1, reports).slice(skip, skip + count);
      if (what === "drop") state.drop(waiting, "full", 0);
      else state.settle(waiting, { ...NOTHING, stored: waiting.length });
      const { collected, stored, dropped, waiting: left } = state.counts();
      assert.equal(collected, reports);
      assert.equal(stored + dropped.full + left, collected);
      assert.equal(state.firstWaiting(), state.waitingWithin(1, reports)[0]);
    }
    const again = SpoolState.parse(state.json(state.next_seq));
    assert.deepEqual(again?.counts(), state.counts());
    assert.equal(again?.firstWaiting(), state.firstWaiting());
  }));
});

Deno.test("SpoolState.parse() takes nothing that is no state", () => {
  for (const json of ["", "{", "null", '{"base": -1}']) {
    assert.equal(SpoolState.parse(json), undefined);
  }
});

Deno.test("recoverState(): reports that waited and are nowhere are counted as damaged", () => {
  const state = stateWith(10);
  state.settle([1, 2, 5], { ...NOTHING, stored: 2, refused: 1, samples: 9 });
  const recovered = recoverState([
    { seqs: [3, 4], state: state.json(11) },
    { seqs: [8, 11], state: undefined },
  ]);
  const { collected, waiting, dropped, samples } = recovered.state.counts();
  assert.deepEqual({ collected, waiting, samples }, { collected: 11, waiting: 4, samples: 9 });
  assert.deepEqual(dropped, { full: 0, age: 0, damaged: 4 });
  assert.equal(recovered.lost, 4);
  assert.deepEqual(recovered.state.waitingWithin(1, 11), [3, 4, 8, 11]);
});

Deno.test("recoverState(): without a state the numbers begin where the reports do", () => {
  const { state, lost } = recoverState([{ seqs: [7, 8], state: "?" }]);
  assert.deepEqual([lost, state.next_seq, state.counts().collected], [0, 9, 2]);
  assert.deepEqual(recoverState([]).state.counts(), SpoolState.from(1).counts());
});

Deno.test("recoverState(): the last state that can be read counts", () => {
  const state = stateWith(2);
  const before = state.json(3);
  state.settle([1], { ...NOTHING, stored: 1 });
  const after = state.json(3);
  const waiting = (states: (string | undefined)[]) =>
    recoverState(states.map((json, at) => ({ seqs: at === 0 ? [1, 2] : [], state: json })))
      .state.counts().waiting;
  assert.deepEqual([waiting([before, after]), waiting([before, "{}"])], [1, 2]);
  assert.equal(waiting([before, after, undefined]), 1);
});

Deno.test("recoverState(): what was settled in memory is not used again as a number", () => {
  const state = stateWith(5);
  // 1 and 2 could not be written, 3 to 5 were sent from memory; then the disk was back, for 1
  state.settle([3, 4, 5], { ...NOTHING, stored: 3 });
  const recovered = recoverState([{ seqs: [1], state: state.json(1) }]);
  assert.equal(recovered.state.next_seq, 6);
  const { collected, stored, waiting, dropped } = recovered.state.counts();
  assert.deepEqual([collected, stored, waiting, dropped.damaged], [5, 3, 1, 1]);
});
