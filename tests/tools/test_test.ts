import assert from "node:assert/strict";
import { firstDifference } from "../../tools/schema.ts";
import { dealFiles, readErrors, readFailedFiles, readSummary } from "../../tools/test.ts";

Deno.test("readSummary() reads the last summary, colours or not", () => {
  assert.deepEqual(readSummary("ok | 12 passed (3 steps) | 0 failed | 2 ignored (1s)\n"), {
    passed: 12,
    failed: 0,
    skipped: 2,
  });
  const coloured = "\n\u001b[0m\u001b[31mFAILED\u001b[0m | 1 passed | 3 failed\u001b[0m (9ms)\n\n";
  assert.deepEqual(readSummary(coloured), { passed: 1, failed: 3, skipped: 0 });
  assert.equal(readSummary("error: Module not found\n"), undefined);
});

Deno.test("readErrors() and readFailedFiles() take what failed, and where", () => {
  const output = [
    "a ... \u001b[0m\u001b[31mFAILED\u001b[0m",
    "",
    "\u001b[0m\u001b[1m\u001b[37m\u001b[41m ERRORS \u001b[0m",
    "",
    "a ... inner \u001b[0m=> ./tests/one_test.ts:1:39\u001b[0m",
    "error: Error: wrong",
    "",
    "b => ./tests/one_test.ts:9:6",
    "error: AssertionError",
    "",
    "\u001b[0m FAILURES \u001b[0m",
    "",
    "a ... inner => ./tests/one_test.ts:1:39",
    "",
    "FAILED | 2 passed | 2 failed (20ms)",
  ].join("\n");
  assert.equal(
    readErrors(output),
    "a ... inner => ./tests/one_test.ts:1:39\nerror: Error: wrong\n\n" +
      "b => ./tests/one_test.ts:9:6\nerror: AssertionError",
  );
  assert.deepEqual(readFailedFiles(output), ["tests/one_test.ts"]);
  assert.equal(readErrors("error: Module not found\n"), "error: Module not found");
  assert.deepEqual(readFailedFiles("error: Module not found\n"), []);
});

Deno.test("firstDifference() names the first line that differs", () => {
  assert.equal(firstDifference("a\nb", "a\nb"), undefined);
  assert.equal(firstDifference("a\nb", "a\nc"), 'line 2 is "c", migrations make "b"');
  assert.equal(firstDifference("a", "a\nb"), 'line 2 is "b", migrations make ""');
});

Deno.test("dealFiles() gives every file to one group, and neighbours to different ones", () => {
  const files = Array.from({ length: 21 }, (_, i) => `${i}`);
  const groups = dealFiles(files, 8);
  assert.equal(groups.length, 3);
  assert.deepEqual(groups.flat().sort(), [...files].sort());
  assert.deepEqual(groups[0]?.slice(0, 2), ["0", "3"]);
  assert.deepEqual(dealFiles([], 8), []);
});
