import assert from "node:assert/strict";
import { ConfigError, loadConfig } from "../../../server/config.ts";
import { tempDir } from "../../support/temp_dir.ts";

async function load(settings: object, env: Record<string, string> = {}) {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("token"), "from-a-file\nsecond line\n");
  await Deno.writeTextFile(dir.join("c.json"), JSON.stringify(settings));
  return loadConfig({ file: "c.json", env: { HOME: "/", ...env }, working_dir: dir.path });
}

async function faultsOf(settings: object): Promise<string[]> {
  try {
    await load(settings);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${error}`);
    return error.message.split("\n").map((line) => line.replace(/^c\.json: /, ""));
  }
  assert.fail("nothing was wrong");
}

const HOOK = { kind: "webhook", url: "https://example.com/hook" };

Deno.test("channels: secrets come from the file, from files of their own, and from the environment", async () => {
  const { channels } = await load({
    channels: {
      phone: { kind: "ntfy", topic_env: "TOPIC", token_file: "token" },
      chat: { kind: "slack", url: "https://hooks.example/x" },
    },
  }, { TOPIC: "from-the-environment" });
  const { phone, chat } = channels;
  assert.ok(phone?.kind === "ntfy" && chat?.kind === "slack");
  assert.deepEqual([phone.topic, phone.token], ["from-the-environment", "from-a-file"]);
  assert.equal(chat.url, "https://hooks.example/x");
});

Deno.test("channels: a secret that is nowhere, or twice, is one fault each", async () => {
  assert.deepEqual(
    await faultsOf({
      channels: {
        a: { kind: "slack", url_env: "NOT_SET" },
        b: { kind: "slack", url_file: "gone" },
        c: { kind: "slack", url: "https://x/", url_file: "token" },
      },
    }),
    [
      "channels.a.url_env: must name a variable that is set: NOT_SET",
      'channels.b.url_file: must be a readable file: there is none of this name: current value is "gone"',
      "channels.c.url_file: must not be given together with url",
      'channels.c: has "url_file", which is not a setting: must be one of kind, timeout_s, ' +
      "send_resolved, url, channel, username",
    ],
  );
});

Deno.test("channels, routes: faults have their places, and what would be right", async () => {
  assert.deepEqual(
    await faultsOf({
      channels: { "a b": HOOK, ops: { kind: "slak" } },
      routes: [{ name: "x", channels: ["ops"], group_wait: "soon", grouped: true }],
    }),
    [
      'channels["a b"]: must be called by letters, digits, - and _, at most 60 of them',
      'channels.ops.kind: must be one of "webhook", "email", "slack", "discord", "teams", ' +
      '"telegram", "ntfy", "pushover", "pagerduty", "opsgenie", "alertmanager", "command": ' +
      'current value is "slak"',
      "routes[0].group_wait: must be how long to wait for others before the first message, as " +
      "seconds or as 500ms, 90s, 5m, 1h30m, from 0 s to 2592000 s",
      "routes[0].grouped: is not a setting, must be one of name, match, hours, channels, " +
      "group_by, group_wait, group_interval, repeat_interval, escalate, continue",
    ],
  );
});

Deno.test("routes: names are their own, and channels are those that there are", async () => {
  const route = { name: "r", channels: ["ops"] };
  assert.deepEqual(
    await faultsOf({
      channels: { ops: HOOK },
      routes: [
        route,
        { ...route, channels: ["opz"], escalate: [{ after: "15m", channels: ["ops", "boss"] }] },
      ],
    }),
    [
      'routes[1].channels[0]: must be the name of a channel (ops): current value is "opz"',
      'routes[1].escalate[0].channels[1]: must be the name of a channel (ops): current value is "boss"',
      'routes[1].name: must be given once: current value is "r" again',
    ],
  );
});
