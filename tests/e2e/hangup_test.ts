/** SIGHUP to a real agent: it reads its settings anew and goes on. */
import assert from "node:assert/strict";
import { tempDir } from "../support/temp_dir.ts";
import { monitorCommand, watchMonitor } from "./run_monitor.ts";

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
