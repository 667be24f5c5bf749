import assert from "node:assert/strict";
import { CommandError, explainFailure, UsageError } from "../../../server/cli/failure.ts";

const QUIET = { verbose: false };

Deno.test("explainFailure() tells what, why and what to do, without a stack", () => {
  const error = new CommandError("Cannot reach x", {
    cause: new Error("refused"),
    hint: "start x",
  });
  assert.deepEqual(explainFailure(error, QUIET), {
    text: "error: Cannot reach x\n  why: refused\n  try: start x\n",
    exit_code: 1,
  });
});

Deno.test("explainFailure() adds the chain of causes when asked", () => {
  const root = new TypeError("the root");
  const error = new CommandError("Cannot", {
    cause: new Error("middle", { cause: root }),
    hint: "h",
  });
  const { text } = explainFailure(error, { verbose: true });
  assert.match(
    text,
    /CommandError: Cannot[\s\S]+caused by: Error: middle[\s\S]+caused by: TypeError: the root/,
  );
});

Deno.test("explainFailure() recognises errors of other layers by their shape", () => {
  class InUse extends Error {
    readonly hint = "stop the other one";
  }
  assert.equal(
    explainFailure(new InUse("taken"), QUIET).text,
    "error: taken\n  try: stop the other one\n",
  );
  class Faults extends Error {
    readonly exit_code = 2;
  }
  assert.deepEqual(explainFailure(new Faults("a.json: x: wrong\na.json: y: wrong"), QUIET), {
    text: "a.json: x: wrong\na.json: y: wrong\n",
    exit_code: 2,
  });
});

Deno.test("explainFailure() says of a usage error only what would be right", () => {
  const { text, exit_code } = explainFailure(new UsageError("--limit must be 1"), QUIET);
  assert.deepEqual([text, exit_code], ["error: --limit must be 1\n", 2]);
});

Deno.test("explainFailure() shows the stack of our own mistakes, causes included", () => {
  const bug = new TypeError("x is undefined", { cause: new RangeError("deeper") });
  const { text, exit_code } = explainFailure(bug, QUIET);
  assert.equal(exit_code, 1);
  assert.match(text, /^BUG: TypeError: x is undefined\n {4}at .*failure_test\.ts/);
  assert.match(text, /caused by: RangeError: deeper/);
  assert.match(explainFailure("a text", QUIET).text, /^BUG: .*a text/);
});

Deno.test("explainFailure() ends quietly when the reader has gone", () => {
  assert.deepEqual(explainFailure(new Deno.errors.BrokenPipe(), QUIET), { text: "", exit_code: 0 });
});
