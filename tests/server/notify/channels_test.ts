import assert from "node:assert/strict";
import {
  CHANNEL_KINDS,
  channelOf,
  channelSchema,
  secretNames,
} from "../../../server/notify/channels.ts";
import { struckOut } from "../../../server/notify/channel.ts";
import { bodyOf, cut, durationText, titleOf } from "../../../server/notify/message.ts";
import { listFiles } from "../../support/modules.ts";
import { FIRING, HUGE, RESOLVED } from "./channel_cases.ts";

Deno.test("channels: every kind has a test of its own", () => {
  const tests = listFiles("_test.ts", "tests/server/notify/");
  const missing = CHANNEL_KINDS.filter((kind) =>
    !tests.includes(`tests/server/notify/${kind}_test.ts`)
  );
  assert.deepEqual(missing, []);
  assert.ok(CHANNEL_KINDS.length >= 12);
});

Deno.test("channels: faults name the setting and what would be right, and show no secret", () => {
  const faultsOf = (config: unknown) =>
    channelSchema.safeParse(config).error?.issues.map(({ path, message }) =>
      `${path.join(".")}: ${message}`
    ) ?? [];
  assert.match(faultsOf({ kind: "slak" })[0] ?? "", /^kind: must be one of "webhook", .*"slak"/);
  assert.match(faultsOf([])[0] ?? "", /must be an object/);
  const faults = faultsOf({ kind: "slack", url: "hooks.slack.com/secret", colour: 1 });
  assert.deepEqual(faults.map((fault) => fault.split(":")[0]), ["url", ""]);
  assert.doesNotMatch(faults.join(), /secret\b(?!.*not shown)/);
  assert.match(faults.join(), /"colour", which is not a setting: must be one of kind, timeout_s/);
  assert.match(faultsOf({ kind: "ntfy" })[0] ?? "", /^topic: must be given: the name of a topic/);
});

Deno.test("channels: what may be shown has no secret in it", () => {
  const config = channelSchema.parse({
    kind: "webhook",
    url: "https://x.example/secret-1",
    headers: { authorization: "secret-2" },
    signing_secret: "secret-3",
  });
  const channel = channelOf("hook", config);
  assert.doesNotMatch(JSON.stringify(channel), /secret-\d/);
  assert.deepEqual([channel.shown.url, channel.shown.method], ["(secret)", "POST"]);
  assert.deepEqual(secretNames("nothing"), []);
});

Deno.test("struckOut() takes a secret out in all its forms", () => {
  assert.equal(struckOut("at /a b/ and /a%20b/", ["/a b/", "a b x", "ab"]), "at … and /a%20b/");
  assert.equal(struckOut("?sig=a%2Fbc%3D", ["a/bc="]), "?sig=…");
});

Deno.test("titleOf(), bodyOf(): what, where, since when, and how many more", () => {
  assert.equal(titleOf(FIRING), "■ critical: cpu high: cpu_usage of web-1 and 1 more");
  assert.equal(
    titleOf({ ...FIRING, reason: "repeat_interval", incidents: FIRING.incidents.slice(1) }),
    "▲ warning (still): cpu high: cpu_usage of <b>web_2</b> & *@everyone*",
  );
  assert.equal(
    bodyOf({ ...RESOLVED, url: null }),
    "✓ cpu_usage of web-1 is 97.5, above 90: resolved after 1 min\nRunbook: https://wiki.example/cpu",
  );
  assert.match(bodyOf(HUGE), /… and 450 more/);
});

Deno.test("cut() halves no character, durationText() has two units at most", () => {
  assert.equal(cut("🚒🚒🚒", 2), "🚒…");
  const texts = [0, 59_400, 60_000, 3_660_000, 90_000_000, 86_400_000].map(durationText);
  assert.deepEqual(texts, ["0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h", "1 d"]);
});
