/** `monitor version`, `doctor` and `install`, as a person meets them. */
import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import type { Check } from "../../server/installation/check.ts";
import { freePort } from "../support/free_port.ts";
import { tempDir } from "../support/temp_dir.ts";
import { PROGRAM, runMonitor, startMonitor } from "./run_monitor.ts";

const IS_BINARY = Deno.env.get("MONITOR_TEST_BINARY") !== undefined;

Deno.test("monitor version tells what it is made of, also as JSON", async () => {
  const { code, out } = await runMonitor(["version"]);
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^monitor ${manifest.version}\nprogram .*\nruntime +Deno \\d`));
  const report = JSON.parse((await runMonitor(["version", "--json"])).out);
  assert.equal(report.version, manifest.version);
  assert.equal(report.executable, IS_BINARY);
  assert.match(report.postgres, /^\d+\.\d+$/);
  assert.ok(report.schema >= 4);
});

Deno.test("monitor doctor finds a running server and its database, and harms neither", async () => {
  await using dir = await tempDir();
  const data = dir.join("data");
  await using monitor = await startMonitor(["serve", "--port", "0", "--data", data]);
  const port = new URL(monitor.url).port;
  const env = { MONITOR_PORT: port };
  const ran = await runMonitor(["doctor", "--data", data, "--server", monitor.url, "--json"], {
    env,
  });
  assert.equal(ran.code, 0, ran.out + ran.err);
  const { checks }: { checks: Check[] } = JSON.parse(ran.out);
  assert.deepEqual(checks.filter(({ state }) => state === "failed" || state === "skipped"), []);
  const found = new Map(checks.map(({ part, name, found }) => [`${part} ${name}`, found]));
  assert.match(found.get("server database") ?? "", /^PostgreSQL 18/);
  assert.match(found.get("server schema") ?? "", /^up to date/);
  assert.match(found.get("server port") ?? "", /monitor \S+ is running$/);
  assert.match(found.get("agent server") ?? "", /answers in \d+ ms$/);
  assert.match(found.get("agent collectors") ?? "", /^\d+ metrics/);
});

Deno.test("monitor doctor fails with what to do for each trouble", async () => {
  await using dir = await tempDir();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await Deno.mkdir(dir.join("metrics"));
  await Deno.writeTextFile(dir.join("metrics", "broken.ts"), "export const collect = 1 +;");
  const ran = await runMonitor(
    ["doctor", "--data", dir.join("data"), "--server", `http://127.0.0.1:${freePort()}`],
    { cwd: dir.path, env: { MONITOR_PORT: String(taken.addr.port) } },
  );
  assert.equal(ran.code, 1);
  assert.match(ran.out, /■ port .*already\n.*try: .*--port/);
  assert.match(
    ran.out,
    /■ server .*cannot be reached: connection refused, nothing listens there\n.*try: /,
  );
  assert.match(ran.out, /■ collectors .*broken/);
  assert.match(ran.err, /^error: 3 checks failed$/m);
  assert.doesNotMatch(ran.out + ran.err, /\bat \w.*\.ts:/);
});

Deno.test("monitor install prints units, and says so where it cannot install", async () => {
  for (const name of ["server", "agent"]) {
    const printed = await runMonitor(["install", name, "--print"]);
    assert.equal(printed.code, 0, printed.err);
    assert.match(printed.out, /^\[Unit\]\n[^]*^\[Service\]\n[^]*^\[Install\]\n/m);
  }
  const moved = await runMonitor(["agent", "install", "--print"]);
  assert.deepEqual([moved.code, moved.out], [2, ""]);
  assert.equal(moved.err, `error: it is called "${PROGRAM} install agent"\n`);
});

Deno.test("the executable installs itself below --root, and leaves settings that are there", {
  ignore: !IS_BINARY,
}, async () => {
  await using dir = await tempDir();
  const run = (...more: string[]) =>
    runMonitor(["install", "agent", "--root", dir.path, "--server", "http://a:1", ...more]);
  const first = await run();
  assert.equal(first.code, 0, first.err);
  const config = dir.join("etc/monitor/agent.json");
  assert.equal(JSON.parse(await Deno.readTextFile(config)).server, "http://a:1");
  const unit = await Deno.readTextFile(dir.join("etc/systemd/system/monitor-agent.service"));
  assert.match(unit, /^ExecStart=\/usr\/local\/bin\/monitor agent /m);
  const { mode } = await Deno.stat(dir.join("usr/local/bin/monitor"));
  assert.equal((mode ?? 0) & 0o777, 0o755);
  await Deno.writeTextFile(config, "{}");
  const second = await run();
  assert.match(second.out, /^settings .*as it is: change it there$/m);
  assert.equal(await Deno.readTextFile(config), "{}");
});
