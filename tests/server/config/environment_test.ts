import assert from "node:assert/strict";
import { loadConfig } from "../../../server/config.ts";

const load = (value: string) =>
  loadConfig({ env: { MONITOR_ACCESS_SIGNATURES: value }, working_dir: "/" }).access.signatures;

Deno.test("loadConfig(): a variable says true or false where the setting is one of them", () => {
  assert.deepEqual([load("true"), load("false"), load("")], [true, false, false]);
  assert.throws(() => load("yes"), /MONITOR_ACCESS_SIGNATURES: must be true or false/);
});
