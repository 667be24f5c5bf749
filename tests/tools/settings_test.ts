import assert from "node:assert/strict";
import { settingsTable, withTable } from "../../tools/settings.ts";

const SETTING = {
  path: "webapp.port",
  variables: ["MONITOR_WEBAPP_PORT", "MONITOR_PORT"],
  numeric: true,
  description: "the port",
  default: 8888,
};

Deno.test("settingsTable() has a row a setting", () => {
  assert.equal(
    settingsTable([SETTING]).split("\n")[2],
    "| `webapp.port` | `MONITOR_WEBAPP_PORT`, `MONITOR_PORT` | `8888` | the port |",
  );
});

Deno.test("withTable() replaces what stands between the marks, and again", () => {
  const page =
    "a\n<!-- settings: written by tools/settings.ts -->\nold\n<!-- end of settings -->\nb\n";
  const once = withTable(page, "new");
  assert.match(once, /^a\n[^]*\nnew\n[^]*\nb\n$/);
  assert.doesNotMatch(once, /old/);
  assert.equal(withTable(once, "new"), once);
  assert.throws(() => withTable("no marks", "new"), /Cannot find the marks/);
});
