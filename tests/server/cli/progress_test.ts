import assert from "node:assert/strict";
import { showProgress } from "../../../server/cli/progress.ts";

function written(err_is_terminal: boolean): string {
  let text = "";
  const progress = showProgress({ err: (part) => text += part, err_is_terminal });
  for (const step of ["unpacking", "unpacking", "starting\x1b"]) progress.step(step);
  progress.done();
  progress.done();
  return text;
}

Deno.test("showProgress() rewrites one line of a terminal and leaves nothing of it", () => {
  assert.equal(
    written(true),
    "\r\x1b[Kunpacking …\r\x1b[Kstarting\\u{1b} …\r\x1b[K",
  );
});

Deno.test("showProgress() writes a line for each step elsewhere", () => {
  assert.equal(written(false), "unpacking\nstarting\\u{1b}\n");
});
