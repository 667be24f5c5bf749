import assert from "node:assert/strict";
import fc from "fast-check";
import { ClockOffset } from "../../agent/clock_offset.ts";

const START_MS = Date.UTC(2025, 0, 15, 12);

/** Answers of a server whose clock is ahead by so much; requests begin at `at_ms`. */
function note(
  clock: ClockOffset,
  options: {
    at_ms: number;
    ahead_ms: number;
    there_ms?: number;
    back_ms?: number;
    /** How old the Date is. */
    stale_ms?: number;
  },
): void {
  const { at_ms, ahead_ms, there_ms = 10, back_ms = 10, stale_ms = 0 } = options;
  const date = new Date(START_MS + at_ms + there_ms + ahead_ms - stale_ms).toUTCString();
  const answered_ms = START_MS + at_ms + there_ms + back_ms;
  const sent_ms = START_MS + at_ms;
  clock.note({ date, sent_ms, answered_ms, monotonic_ms: at_ms + there_ms + back_ms });
}

Deno.test("ClockOffset: the true offset is always from what it tells to that and its error", () => {
  const anyRequest = fc.record({
    after_ms: fc.integer({ min: 1, max: 12_000 }),
    there_ms: fc.integer({ min: 0, max: 3_000 }),
    back_ms: fc.integer({ min: 0, max: 3_000 }),
    stale_ms: fc.integer({ min: 0, max: 999 }),
  });
  const anyAhead = fc.integer({ min: -100_000, max: 100_000 });
  fc.assert(fc.property(anyAhead, fc.array(anyRequest, { minLength: 1 }), (ahead_ms, requests) => {
    const clock = new ClockOffset();
    let at_ms = 0;
    for (const { after_ms, there_ms, back_ms, stale_ms } of requests) {
      note(clock, { at_ms, ahead_ms, there_ms, back_ms, stale_ms });
      const more_ms = ahead_ms - (clock.offset_ms ?? NaN);
      assert.ok(more_ms >= -1 && more_ms <= clock.error_ms + 1, `${more_ms} ms more`);
      at_ms += there_ms + back_ms + after_ms;
    }
  }));
});

Deno.test("ClockOffset gets within 100 ms in five minutes of requests at changing moments", () => {
  const clock = new ClockOffset();
  for (let tick = 0; tick < 30; tick++) {
    note(clock, { at_ms: tick * 10_000 + (tick * 617) % 2_000, ahead_ms: 1_234 });
  }
  assert.ok(Math.abs((clock.offset_ms ?? NaN) - 1_234) < 100, `${clock.offset_ms}`);
});

Deno.test("ClockOffset begins anew when a clock was set, and takes nothing that is no date", () => {
  const clock = new ClockOffset();
  clock.note({ date: "soon", sent_ms: 0, answered_ms: 1, monotonic_ms: 1 });
  clock.note({ date: null, sent_ms: 0, answered_ms: 1, monotonic_ms: 1 });
  assert.equal(clock.offset_ms, undefined);
  note(clock, { at_ms: 0, ahead_ms: 0 });
  note(clock, { at_ms: 10_000, ahead_ms: 60_000 });
  assert.ok(Math.abs((clock.offset_ms ?? NaN) - 60_000) <= 1_020, `${clock.offset_ms}`);
});
