/** `monitor alerts …`, as a person uses it. */
import assert from "node:assert/strict";
import { tempDir } from "../support/temp_dir.ts";
import { runMonitor, startMonitor } from "./run_monitor.ts";

const RULES = `rules:
  - name: Busy
    metric: cpu
    condition: above
    warning: 80
    critical: 95
`;

Deno.test("monitor alerts: a rules file, an incident from beginning to end, a backtest", async () => {
  await using dir = await tempDir();
  const file = dir.join("alerts.yaml");
  await Deno.writeTextFile(file, RULES);
  await using server = await startMonitor(["serve", "--port", "0", "--data", dir.join("data")]);
  const env = { MONITOR_SERVER: server.url, USER: "ann" };
  const alerts = (...args: string[]) => runMonitor(["alerts", ...args], { env });
  /** The evaluator works beside who asks. */
  const until = async (pattern: RegExp, ...args: string[]) => {
    while (!pattern.test((await alerts(...args)).out));
  };
  const dry = await alerts("apply", file, "--dry-run");
  assert.deepEqual([dry.code, dry.out], [0, "new      Busy\n"]);
  assert.match(dry.err, /^Nothing was changed; it would be: 1 new, 0 changed, 0 removed/);
  assert.equal((await alerts("rules")).err, "There is no rule yet\n");
  await alerts("apply", file);
  await until(/^ 1 {2}on {5}file {2} +0 {2}Busy {2}cpu above 80 \/ 95$/m, "rules");
  assert.equal((await alerts("list")).err, "Nothing is wrong\n");

  const body = JSON.stringify({ hostname: "web-1", metrics: { cpu: 97 } });
  await (await fetch(`${server.url}/metrics`, { method: "POST", body })).body?.cancel();
  await until(/^ 1 {2}■ critical {2}web-1 .* cpu of web-1 is 97, above 95$/m, "list");
  const seen = await alerts("ack", "1", "on", "my", "way", "--for", "2h");
  assert.match(seen.err, /^ann looks after incident 1 until /);
  assert.equal((await alerts("comment", "1", "disk?")).code, 0);
  const shown = await alerts("show", "1");
  assert.match(shown.out, /seen by {3}ann until .*: on my way/);
  assert.match(shown.out, /commented {2}ann: disk\?/);
  assert.match((await alerts("resolve", "1", "known")).err, /^Incident 1 is over\n/);
  assert.equal((await alerts("list")).err, "Nothing is wrong\n");
  const all = JSON.parse((await alerts("list", "--all", "--json")).out);
  assert.deepEqual(
    all.incidents.map(({ state, resolved_reason }: Record<string, string>) => [
      state,
      resolved_reason,
    ]),
    [["resolved", "by_hand"]],
  );
  const past = await alerts("backtest", "Busy", "--since", "1h");
  assert.match(past.out, /1 page from .* 168 a week\n1 series, 1 samples \(every sample\)/);
  const unknown = await alerts("show", "99");
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /Cannot find incident 99/);
});

Deno.test("monitor alerts test: scenarios need no server, and a wrong one is told with its line", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("alerts.yaml"), RULES);
  const write = (name: string, told: string) =>
    Deno.writeTextFile(
      dir.join(name),
      `rules_file: alerts.yaml\n---\nload cpu{host=a} every 10s: 97\nat 0s: told ${told}\n`,
    );
  await write("good.scenario", "firing Busy a cpu critical");
  await write("bad.scenario", "nothing");
  const [good, bad] = [dir.join("good.scenario"), dir.join("bad.scenario")];
  const one = await runMonitor(["alerts", "test", good]);
  assert.deepEqual([one.code, one.out], [0, `ok      ${good} (1 told)\n`]);
  const both = await runMonitor(["alerts", "test", good, bad]);
  assert.equal(both.code, 1);
  assert.match(both.out, /bad\.scenario:4: expected told nothing; it was 0s firing Busy a cpu/);
  assert.match(both.err, /1 of 2 scenarios did not come true/);
  await Deno.writeTextFile(dir.join("alerts.yaml"), RULES.replace("above", "abve"));
  const wrong = await runMonitor(["alerts", "test", good]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /alerts\.yaml:4:16: rules\[0\]\.condition must be one of above, below/);
});
