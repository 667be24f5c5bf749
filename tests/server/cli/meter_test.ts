import assert from "node:assert/strict";
import { formatCount, formatDuration, meterLine, showMeter } from "../../../server/cli/meter.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("meterLine() says what, how far, how fast, how long still, and fits the terminal", () => {
  const state = {
    label: "import",
    unit: "samples",
    done: 1_234_567,
    fraction: 0.425,
    rate: 98_765,
    left_ms: 200_000,
    note: "web-1\x1b",
  };
  assert.equal(
    meterLine(state, 100),
    "import  ████████░░░░░░░░░░░░  42 %  1.23M samples  98.8k/s  4 min left  web-1\\u{1b}",
  );
  assert.equal(meterLine(state, 30).length, 30);
  assert.equal(
    meterLine({ ...state, fraction: undefined, left_ms: undefined, note: undefined }, 100),
    "import  1.23M samples  98.8k/s",
  );
});

Deno.test("showMeter() redraws in steps, with the rate and the time left of the last while", async () => {
  const clock = new FakeClock();
  const written: string[] = [];
  const terminal = {
    err: (text: string) => written.push(text),
    err_is_terminal: true,
    columns: 80,
  };
  const meter = showMeter(terminal, { label: "work", unit: "things", clock });
  for (let step = 1; step <= 20; step++) {
    await clock.advance(100);
    meter.update({ done: step * 10, fraction: step / 100 });
  }
  assert.equal(written.length, 10);
  const bar = "███░░░░░░░░░░░░░░░░░";
  assert.equal(written.at(-1), `\r\x1b[Kwork  ${bar}  19 %  190 things  100/s  9 s left`);
  meter.done();
  meter.done();
  assert.deepEqual(written.slice(10), ["\r\x1b[K"]);
});

Deno.test("showMeter() writes nothing where stderr is no terminal", () => {
  const written: string[] = [];
  const terminal = {
    err: (text: string) => written.push(text),
    err_is_terminal: false,
    columns: 80,
  };
  const meter = showMeter(terminal, { label: "work", unit: "things", clock: new FakeClock() });
  meter.update({ done: 1 });
  meter.done();
  assert.deepEqual(written, []);
});

Deno.test("formatDuration() and formatCount() are short", () => {
  const durations = [0, 1, 99_000, 100_000, 5_999_000, 6_000_001, 200_000_000];
  assert.deepEqual(durations.map(formatDuration), [
    "0 s",
    "1 s",
    "99 s",
    "2 min",
    "1 h 40 min",
    "1 h 41 min",
    "2 d",
  ]);
  assert.deepEqual([0, 9_999, 10_000, 1.5e9].map(formatCount), ["0", "9999", "10k", "1.5G"]);
});
