import assert from "node:assert/strict";
import { loadConfig } from "../../../server/config.ts";
import { adopt, isLive } from "../../../server/config/live.ts";
import { listSettings } from "../../../server/config/settings.ts";

const read = () => loadConfig({ env: {}, working_dir: "/", overrides: { data: "/nowhere" } });

Deno.test("adopt() changes the sections that are in use, and tells what has to wait", () => {
  const current = read();
  const { limits, log, notify } = current;
  const next = read();
  Object.assign(next.limits, { hosts_max: 7, question_s: 5 });
  next.log.level = "debug";
  next.notify.page_url = "https://example.com/";
  next.webapp.port = 9000;
  next.retention.raw_days = 3;
  next.routes = [];
  assert.deepEqual(adopt(current, next), {
    changed: ["limits.hosts_max", "notify.page_url", "log.level"],
    waiting: ["webapp.port", "limits.question_s", "retention.raw_days"],
  });
  assert.deepEqual([limits.hosts_max, limits.question_s, log.level, notify.page_url], [
    7,
    30,
    "debug",
    "https://example.com/",
  ]);
  assert.deepEqual([current.webapp.port, current.retention.raw_days], [8888, 30]);
});

Deno.test("adopt() takes away what is no longer set, and tells nothing of what is the same", () => {
  const current = read();
  current.notify.page_url = "https://example.com/";
  current.alerts.rules_file = "/alerts.yaml";
  const { changed, waiting } = adopt(current, read());
  assert.deepEqual(changed, ["alerts.rules_file", "notify.page_url"]);
  assert.deepEqual(waiting, []);
  assert.deepEqual([current.notify.page_url, current.alerts.rules_file], [undefined, undefined]);
  assert.deepEqual(adopt(current, read()), { changed: [], waiting: [] });
});

Deno.test("isLive() knows every section that is taken anew", () => {
  const live = listSettings().map(({ path }) => path).filter(isLive);
  const sections = new Set(live.map((path) => path.split(".")[0]));
  assert.deepEqual([...sections].sort(), [
    "alerts",
    "channels",
    "limits",
    "log",
    "notify",
    "routes",
  ]);
  assert.ok(!isLive("limits.question_s"));
  assert.ok(!isLive("access.mode"));
});
