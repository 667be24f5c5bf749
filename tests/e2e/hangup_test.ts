/** SIGHUP to a real agent and a real server: they read their settings anew and go on. */
import assert from "node:assert/strict";
import { tempDir } from "../support/temp_dir.ts";
import { testDatabase } from "../support/test_database.ts";
import { monitorCommand, startMonitor, watchMonitor } from "./run_monitor.ts";

Deno.test({
  name: "monitor agent: SIGHUP has it read its settings, SIGTERM ends it",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await tempDir();
    const file = dir.join("agent.json");
    const settings = { server: "http://127.0.0.1:9", data_dir: dir.join("data"), shipped: false };
    await Deno.writeTextFile(file, JSON.stringify(settings));
    const args = ["agent", "--config", file, "--log-level", "info"];
    await using agent = watchMonitor(monitorCommand(args, { cwd: dir.path }).spawn());
    await agent.line(/Agent collects/);
    agent.kill("SIGHUP");
    await agent.line(/Asked to read settings and collectors anew/);
    await Deno.writeTextFile(file, JSON.stringify({ ...settings, interval: "often" }));
    agent.kill("SIGHUP");
    await agent.line(/Settings are not taken.*interval/);
    agent.kill("SIGTERM");
    assert.equal(await agent.ended, 0, agent.err);
  },
});

Deno.test({
  name: "monitor serve: SIGHUP has it take its settings anew, all of them or none",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await tempDir();
    await using database = await testDatabase();
    const file = dir.join("server_config.json");
    const settings = { database: { url: database.url }, webapp: { port: 0 } };
    const write = (more: Record<string, unknown>) =>
      Deno.writeTextFile(file, JSON.stringify({ ...settings, ...more }));
    await write({ log: { level: "info", requests: "none" } });
    await using server = await startMonitor(["serve", "--config", file]);
    await write({ log: { level: "info", requests: "all" }, retention: { raw_days: 3 } });
    server.kill("SIGHUP");
    await server.line(/settings were read anew changed=log.requests/);
    await server.line(/wait for a restart settings=retention.raw_days/);
    assert.equal((await fetch(`${server.url}/health`)).status, 200);
    await server.line(/request method=GET path=\/health status=200/);

    await write({ log: { level: "loud" }, limits: { hosts_max: 0 } });
    server.kill("SIGHUP");
    await server.line(/settings stay as they were fault=.*limits\.hosts_max: must be/);
    await server.line(/settings stay as they were fault=.*log\.level: must be/);
    assert.equal((await fetch(`${server.url}/health`)).status, 200);
    server.kill("SIGTERM");
    assert.equal(await server.ended, 0, server.err);
  },
});
