import assert from "node:assert/strict";
import { tempDir } from "../../support/temp_dir.ts";
import { FIRING, send } from "./channel_cases.ts";

const ignore = Deno.build.os === "windows";

/** A shell script as the program. */
const script = (text: string, more: object = {}) =>
  send({ kind: "command", command: ["sh", "-c", text], timeout_s: 30, ...more });

Deno.test({
  name: "command: JSON on standard input, simple values as variables, nothing of our environment",
  ignore,
  async fn() {
    await using dir = await tempDir();
    Deno.env.set("MONITOR_TEST_SECRET", "hidden");
    const text = `cat > ${dir.join("in")}; env > ${dir.join("env")}`;
    assert.deepEqual(await script(text), { outcome: "delivered" });
    Deno.env.delete("MONITOR_TEST_SECRET");
    assert.deepEqual(JSON.parse(await Deno.readTextFile(dir.join("in"))), FIRING);
    const env = await Deno.readTextFile(dir.join("env"));
    assert.match(env, /^MONITOR_TITLE=■ critical: cpu high/m);
    assert.match(env, /^MONITOR_VALUE=97\.5$/m);
    assert.doesNotMatch(env, /MONITOR_TEST_SECRET/);
  },
});

Deno.test({
  name: "command: exit codes say whether to try again, stderr says why",
  ignore,
  async fn() {
    assert.deepEqual(await script("echo no modem >&2; exit 3"), {
      outcome: "retryable",
      why: '"sh" ended with exit code 3: no modem',
    });
    assert.equal((await script("exit 78")).outcome, "permanent");
    const missing = await send({ kind: "command", command: ["/nowhere/tell"] });
    assert.ok(missing.outcome === "permanent");
    assert.match(missing.why, /^Cannot run "\/nowhere\/tell": /);
  },
});

Deno.test({
  name: "command: one that takes too long is ended, and what it left behind is not waited for",
  ignore,
  async fn() {
    await using dir = await tempDir();
    const text = `sleep 30 & echo $! > ${dir.join("pid")}; wait`;
    const delivery = await script(text, { timeout_s: 3 });
    assert.ok(delivery.outcome === "retryable");
    assert.match(delivery.why, /not done within 3 s and was ended/);
    const pid = Number(await Deno.readTextFile(dir.join("pid")));
    assert.ok(pid > 0);
    Deno.kill(pid);
  },
});
