import assert from "node:assert/strict";
import type { Downtime } from "../../../db/downtimes.ts";
import { routeSchema } from "../../../server/notify/route.ts";
import {
  heldBy,
  PARENT_GRACE_MS,
  type SilenceContext,
  type SilenceSubject,
} from "../../../server/notify/silence.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const ROUTE = routeSchema.parse({ name: "r", channels: ["ops"] });

const SUBJECT: SilenceSubject = {
  host_id: 1,
  hostname: "web-1",
  story: "threshold",
  labels: { host: "web-1", rule: "cpu high", metric: "cpu_usage", "tag.env": "prod" },
  opened_ms: NOW_MS - 60_000,
};

const CONTEXT: SilenceContext = {
  now_ms: NOW_MS,
  downtimes: [],
  silences: [],
  parents: new Map(),
  silent_hosts: new Set(),
};

const downtime = (more: Partial<Downtime>): Downtime => ({
  id: 3,
  hostname: null,
  hosts: [],
  tags: {},
  rules: [],
  start_ms: NOW_MS - 1_000,
  end_ms: NOW_MS + 3_600_000,
  pattern: null,
  duration_ms: null,
  zone: null,
  note: "",
  created_by: null,
  ended_ms: null,
  ...more,
});

const held = (context: Partial<SilenceContext>, subject: Partial<SilenceSubject> = {}) =>
  heldBy({ ...SUBJECT, ...subject }, ROUTE, { ...CONTEXT, ...context });

Deno.test("heldBy(): nothing holds back what nothing is about", () => {
  assert.equal(held({}), undefined);
  assert.equal(held({ downtimes: [downtime({ hosts: ["db-*"] })] }), undefined);
  assert.equal(held({ downtimes: [downtime({ start_ms: NOW_MS + 1 })] }), undefined);
});

Deno.test("heldBy(): the downtime that lasts longest, by host, tag and rule", () => {
  const short = downtime({ id: 4, tags: { env: "prod" }, end_ms: NOW_MS + 60_000 });
  const long = downtime({ rules: ["cpu*"], note: "new kernel" });
  assert.deepEqual(held({ downtimes: [short, long] }), {
    kind: "downtime",
    id: 3,
    text: "downtime 3 (new kernel) until 2025-01-15 13:00 UTC",
    until_ms: NOW_MS + 3_600_000,
  });
  const nightly = downtime({
    end_ms: null,
    pattern: "0 11 * * *",
    duration_ms: 7_200_000,
    zone: "UTC",
    start_ms: 0,
  });
  assert.equal(held({ downtimes: [nightly] })?.until_ms, NOW_MS + 3_600_000);
});

Deno.test("heldBy(): a silence whose matchers all match, and only within its time", () => {
  const silence = {
    id: 9,
    matchers: [
      { label: "metric", op: "~" as const, value: "cpu*" },
      { label: "host", op: "!=" as const, value: "web-2" },
      { label: "tag.site", op: "=" as const, value: "" },
      { label: "rule", op: "!~" as const, value: "disk*" },
    ],
    start_ms: NOW_MS,
    end_ms: NOW_MS + 1_000,
    note: "",
    created_by: null,
  };
  assert.equal(held({ silences: [silence] })?.text, "silence 9 until 2025-01-15 12:00 UTC");
  assert.equal(held({ silences: [silence], now_ms: NOW_MS + 1_000 }), undefined);
  assert.equal(held({ silences: [silence] }, { labels: { host: "web-2" } }), undefined);
  assert.equal(held({ silences: [{ ...silence, matchers: [] }] }), undefined);
});

Deno.test("heldBy(): a silent host is no news while all it is behind are silent", () => {
  const parents = new Map([[1, [2, 3]]]);
  const silent = { story: "host_silent" };
  assert.equal(held({ parents, silent_hosts: new Set([2, 3]) }, silent)?.kind, "parent");
  // one way is left: the host itself is the matter
  assert.equal(held({ parents, silent_hosts: new Set([2]) }, silent), undefined);
  // what it says of itself is told whatever its parents do
  assert.equal(held({ parents, silent_hosts: new Set([2, 3]) }), undefined);
});

Deno.test("heldBy(): a host behind others waits a moment for their silence", () => {
  const parents = new Map([[1, [2]]]);
  const opened_ms = NOW_MS - PARENT_GRACE_MS + 1;
  const subject = { story: "host_silent", opened_ms };
  assert.equal(held({ parents }, subject)?.until_ms, NOW_MS + 1);
  assert.equal(held({ parents, now_ms: NOW_MS + 1 }, subject), undefined);
});

Deno.test("heldBy(): hosts that are behind each other are told as if they were not", () => {
  const parents = new Map([[1, [2]], [2, [3]], [3, [1]]]);
  const silent_hosts = new Set([1, 2, 3]);
  assert.equal(held({ parents, silent_hosts }, { story: "host_silent" }), undefined);
  const behind_ring = { story: "host_silent", host_id: 4 };
  const more = new Map([...parents, [4, [1]]]);
  assert.equal(held({ parents: more, silent_hosts }, behind_ring)?.kind, "parent");
});

Deno.test("heldBy(): a route that holds back outside its hours does so for all", () => {
  const hours = { pattern: "0 14 * * *", duration: "8h", zone: "UTC", outside: "hold" as const };
  const route = routeSchema.parse({ name: "late", channels: ["ops"], hours });
  assert.deepEqual(heldBy(SUBJECT, route, CONTEXT), {
    kind: "hours",
    id: null,
    text: 'route "late" tells again at 2025-01-15 14:00 UTC',
    until_ms: NOW_MS + 2 * 3_600_000,
  });
});
