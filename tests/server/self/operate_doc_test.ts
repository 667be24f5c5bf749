/** docs/operate.md lists every number the server has of itself, and none that it has not. */
import assert from "node:assert/strict";
import { readSource } from "../../support/modules.ts";
import { testApp } from "../../support/test_app.ts";

/** Only of a PostgreSQL of ours, which this test does not have. */
const EMBEDDED = ["monitor_server_disk_free_bytes", "monitor_server_disk_refusing"];

Deno.test("docs/operate.md lists the server's own numbers", async () => {
  const url = "http://127.0.0.1:9/";
  await using app = await testApp({ channels: { hook: { kind: "webhook", url } } });
  const text = (await app.get("/metrics")).body;
  const told = [...text.matchAll(/^# HELP (\S+) /gm)].map(([, name]) => String(name));
  const page = readSource("docs/operate.md").split("## All of them")[1] ?? "";
  const listed = [...page.matchAll(/^\| `(monitor_server_\w+)` +\| \S/gm)].map(([, name]) => name);
  // a number that is new is a row of the table at the end of docs/operate.md
  assert.deepEqual(listed, [...told, ...EMBEDDED].sort());
});
