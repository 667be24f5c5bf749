/** Channels and downtimes at the terminal: as lines, and as commands of a whole program. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { channelLines } from "../../../server/cli/channel.ts";
import { downtimeLines, previewLines } from "../../../server/cli/downtime.ts";
import { createProgram, runProgram } from "../../../server/cli/program.ts";
import { quietCommands } from "../../../server/cli/quiet_command.ts";
import { tellingCommands } from "../../../server/cli/telling_command.ts";
import type { Terminal } from "../../../server/cli/terminal.ts";
import { testApp } from "../../support/test_app.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const NOW_S = NOW_MS / 1000;

Deno.test("channelLines(): under a channel that fails stands why, and no name steers the terminal", () => {
  const base = { kind: "slack", settings: {}, routes: ["all", "night"], last_failure: null };
  const lines = channelLines([
    { ...base, name: "ops", waiting: 0, last_success: NOW_S - 300, last_error: null },
    {
      ...base,
      name: "bad",
      waiting: 3,
      last_success: null,
      last_failure: NOW_S - 60,
      last_error: "answered 404: \x1b[2J",
      routes: [],
    },
  ], { columns: Infinity, now_ms: NOW_MS });
  assert.deepEqual(lines, [
    "CHANNEL  KIND   ROUTES      WAITING  LAST TOLD  STATE",
    "ops      slack  all, night        0      5 min  works",
    "bad      slack  none              3             fails",
    "  60 s ago: answered 404: \\u{1b}[2J",
  ]);
});

Deno.test("downtimeLines(), previewLines(): what, when, and how it comes again", () => {
  const nothing = { hostname: null, hosts: [], tags: {}, rules: [], note: "", created_by: null };
  const once = { pattern: null, duration_s: null, zone: null };
  const span = { start: NOW_S, end: NOW_S + 3_600 };
  const lines = downtimeLines([
    { ...nothing, ...once, ...span, id: 1, hosts: ["web-*"], active: span, next: [], note: "x" },
    {
      ...nothing,
      id: 12,
      tags: { env: "test" },
      start: 0,
      end: null,
      pattern: "0 2 * * *",
      duration_s: 10_800,
      zone: "UTC",
      active: null,
      next: [span],
      created_by: "ann",
    },
  ], Infinity).map((line) => line.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "T"));
  assert.deepEqual(lines.map((line) => line.trim().split(/ {2,}/)), [
    ["ID", "STATE", "ABOUT", "WHEN", "NOTE"],
    ["1", "in force", "web-*", "until T", "x"],
    ["12", "to come", "env=test", "T to T; 0 2 * * * UTC, 3 h 0 min each", "(ann)"],
  ]);
  const hosts = Array.from({ length: 7 }, (_, i) => `h${i}`);
  const incidents = [{ id: 1, hostname: "h0", severity: "critical", summary: "cpu is 99" }];
  const preview = { host_count: 7, hosts, incident_count: 1, incidents, occurrences: [span, span] };
  assert.deepEqual(
    previewLines(preview).map((line) => line.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "T")),
    [
      "7 hosts and 1 open incident would be silent from T to T",
      "hosts: h0, h1, h2, h3, h4 and 2 more",
      "critical: cpu is 99",
      "again: T to T",
    ],
  );
});

Deno.test("monitor downtime, monitor channel: from the command line to the server and back", async () => {
  await using app = await testApp({
    channels: { ops: { kind: "command", command: [Deno.execPath(), "eval", "0"] } },
  });
  await app.post({ hostname: "web-1", metrics: { cpu: 1 } });
  const run = async (...args: string[]) => {
    const written = { out: "", err: "" };
    const terminal: Terminal = {
      out: (text) => void (written.out += text),
      err: (text) => void (written.err += text),
      out_is_terminal: false,
      err_is_terminal: false,
      columns: Infinity,
      colours: false,
    };
    const context = { terminal, clock: systemClock, env: { MONITOR_SERVER: app.url } };
    const commands = [...tellingCommands(context), ...quietCommands(context)];
    const program = createProgram({ version: "0", terminal }, commands);
    return { code: await runProgram(program, { args, version: "0", terminal }), ...written };
  };
  assert.match((await run("downtime", "list")).err, /No downtime is in force/);
  const added = await run("downtime", "add", "--host", "web-*", "--for", "2h", "--note", "kernel");
  assert.match(added.out, /^downtime 1: web-\*, until .*\n1 host and 0 open incidents are silent/);
  assert.match((await run("downtime", "extend", "1", "--by", "1h")).out, /goes on until/);
  assert.match((await run("downtime", "end", "1")).out, /^downtime 1 is over\n$/);
  // one that has not begun before it is taken back
  const hour = new Date(systemClock.now() + 12 * 3_600_000).getUTCHours();
  const nightly = ["--all", "--every", `0 ${hour} * * *`, "--for", "1h", "--zone", "UTC"];
  assert.match((await run("downtime", "add", ...nightly)).out, /0 \d+ \* \* \* UTC, 60 min each/);
  assert.match((await run("downtime", "end", "2")).out, /is taken back/);
  const nobody = await run("downtime", "add", "--host", "db-9", "--for", "1h");
  assert.match(nobody.err, /No host that has reported fits/);
  const usage = await run("downtime", "extend", "3");
  assert.deepEqual([usage.code, usage.err], [2, "error: either --by or --until must be given\n"]);
  const refused = await run("downtime", "preview", "--for", "1h");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /hosts must be given, or tags, or rules/);
  assert.match((await run("channel", "test", "ops")).out, /took a test message/);
  const unknown = await run("channel", "test", "boss");
  assert.deepEqual([unknown.code, /the configuration has ops/.test(unknown.err)], [1, true]);
  assert.match((await run("channel", "list")).out, /^CHANNEL .*\nops +command +default/);

  assert.match((await run("silence", "list")).err, /No silence is in force/);
  const matches = ["--match", "rule=disk*", "--match", "host!=web-2"];
  const silenced = await run("silence", "add", ...matches, "--for", "2h", "--note", "known");
  assert.match(silenced.out, /^silence 1: nobody is told of rule=disk\* host!=web-2 until /);
  assert.match((await run("silence", "list")).out, /\n 1 +rule=disk\* host!=web-2 .* known/);
  assert.equal((await run("silence", "end", "1")).out, "silence 1 is over\n");
  assert.equal((await run("silence", "add", "--match", "rule", "--for", "1h")).code, 2);
  await app.post({ hostname: "switch", metrics: { up: 1 } });
  assert.equal((await run("parent", "set", "web-1", "switch")).out, "web-1 is behind switch\n");
  assert.match((await run("parent", "list")).out, /^HOST +BEHIND\nweb-1 +switch\n/);
  assert.match((await run("parent", "set", "switch", "web-1")).err, /no host can be behind itself/);
});
