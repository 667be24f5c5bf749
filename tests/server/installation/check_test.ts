import assert from "node:assert/strict";
import {
  type Check,
  checkLines,
  exitCodeOf,
  failed,
  findingOf,
  ok,
  skipped,
  warning,
} from "../../../server/installation/check.ts";

const check = (part: Check["part"], name: string, finding: ReturnType<typeof ok>): Check => ({
  part,
  name,
  ...finding,
});

Deno.test("checkLines() has one line a check, hints below it, and a sum", () => {
  const checks = [
    check("server", "disk", warning("1 GiB free", "make room")),
    check("server", "port", failed("taken", "take another one")),
    check("agent", "server", skipped("no server runs")),
  ];
  assert.deepEqual(checkLines(checks), [
    "Server",
    "  ▲ disk    1 GiB free",
    "            try: make room",
    "  ■ port    taken",
    "            try: take another one",
    "",
    "Agent",
    "  ◌ server  no server runs",
    "",
    "3 checks: 1 failed, 1 warning, 1 not looked at",
  ]);
  assert.equal(checkLines([check("agent", "a", ok("b"))]).at(-1), "1 checks, all is well");
});

Deno.test("exitCodeOf() is 1 for a failure only", () => {
  assert.equal(
    exitCodeOf([check("server", "a", warning("b", "c")), check("agent", "d", skipped("e"))]),
    0,
  );
  assert.equal(exitCodeOf([check("server", "a", failed("b", "c"))]), 1);
});

Deno.test("findingOf() takes errors in words, and leaves mistakes of ours alone", () => {
  const told = Object.assign(new Error("Cannot start", { cause: new Error("why") }), {
    hint: "do",
  });
  assert.deepEqual(findingOf(told), failed("Cannot start: why", "do"));
  const settings = Object.assign(new Error("a\nb"), { exit_code: 2 });
  assert.equal(findingOf(settings)?.found, "a; b");
  assert.equal(findingOf(new TypeError("x is undefined")), undefined);
});
