import assert from "node:assert/strict";
import {
  closedUntil,
  defaultRoutes,
  groupLabels,
  type RouteInput,
  routeSchema,
  routesFor,
  targetsOf,
} from "../../../server/notify/route.ts";

const at = (text: string) => Date.parse(text);
const NOON = at("2025-01-15T12:00:00Z");
const route = (more: Partial<RouteInput>) =>
  routeSchema.parse({ name: "r", channels: ["ops"], ...more });

function taken(routes: RouteInput[], labels: Record<string, string>, time = NOON): string[] {
  return routesFor(routes.map((one) => routeSchema.parse(one)), labels, time)
    .map(({ name }) => name);
}

Deno.test("routesFor(): the first that fits, and further ones when it says so", () => {
  const routes: RouteInput[] = [
    { name: "log", channels: ["log"], continue: true },
    { name: "db", match: { host: "db-*", severity: "critical" }, channels: ["dba"] },
    { name: "prod", match: { "tag.env": ["prod", "stag*"], host: "!test-*" }, channels: ["ops"] },
    { name: "rest", channels: ["ops"] },
  ];
  const cases: [Record<string, string>, string[]][] = [
    [{ host: "db-1", severity: "critical", "tag.env": "prod" }, ["log", "db"]],
    [{ host: "db-1", severity: "warning", "tag.env": "prod" }, ["log", "prod"]],
    [{ host: "test-1", "tag.env": "prod" }, ["log", "rest"]],
    [{ host: "web-1", "tag.env": "staging" }, ["log", "prod"]],
    [{ host: "web-1" }, ["log", "rest"]],
  ];
  for (const [labels, names] of cases) assert.deepEqual(taken(routes, labels), names);
  assert.deepEqual(taken(routes.slice(1, 2), { host: "web-1" }), []);
});

Deno.test("routesFor(): a route of the night is asked at night, in its zone", () => {
  const hours = { pattern: "0 18 * * *", duration: "14h", zone: "Europe/Berlin" };
  const routes: RouteInput[] = [
    { name: "night", hours, channels: ["pager"] },
    { name: "day", channels: ["chat"] },
  ];
  assert.deepEqual(taken(routes, {}, at("2025-01-15T16:59:00Z")), ["day"]);
  assert.deepEqual(taken(routes, {}, at("2025-01-15T17:00:00Z")), ["night"]);
  assert.deepEqual(taken(routes, {}, at("2025-07-15T16:00:00Z")), ["night"]);
});

Deno.test("closedUntil(): a route that holds back says when it talks again", () => {
  const hours = { pattern: "0 8 * * *", duration: "10h", zone: "UTC" } as const;
  const holding = route({ hours: { ...hours, outside: "hold" } });
  assert.equal(closedUntil(holding, NOON), undefined);
  assert.equal(closedUntil(holding, at("2025-01-15T20:00:00Z")), at("2025-01-16T08:00:00Z"));
  assert.equal(closedUntil(route({ hours }), at("2025-01-15T20:00:00Z")), undefined);
});

Deno.test("groupLabels(), targetsOf(): what is told together, and where", () => {
  const grouped = route({
    group_by: ["rule", "tag.site"],
    escalate: [{ after: "15m", channels: ["boss", "pager"] }],
  });
  assert.deepEqual(groupLabels(grouped, { rule: "cpu", host: "a" }), {
    rule: "cpu",
    "tag.site": "",
  });
  assert.deepEqual(targetsOf(grouped), [
    { channel: "ops", after_ms: 0 },
    { channel: "boss", after_ms: 900_000 },
    { channel: "pager", after_ms: 900_000 },
  ]);
});

Deno.test("routeSchema: defaults, lengths of time, and faults that say what would be right", () => {
  const { group_wait, group_interval, repeat_interval, group_by } = route({});
  assert.deepEqual([group_wait, group_interval, repeat_interval, group_by], [
    500,
    60_000,
    14_400_000,
    ["rule"],
  ]);
  assert.equal(route({ repeat_interval: "1h30m" }).repeat_interval, 5_400_000);
  assert.equal(route({ repeat_interval: "never" }).repeat_interval, Infinity);
  assert.equal(route({ group_wait: 30 }).group_wait, 30_000);
  const faultOf = (more: object) => {
    const [issue] = routeSchema.safeParse({ name: "r", channels: ["ops"], ...more }).error
      ?.issues ?? [];
    return `${issue?.path.join(".")}: ${issue?.message}`;
  };
  assert.match(faultOf({ group_wait: "soon" }), /^group_wait: must be how long .*500ms, 90s, 5m/);
  assert.match(faultOf({ channels: [] }), /^channels: must name at least one channel/);
  assert.match(
    faultOf({ hours: { pattern: "0 8 * * *", duration: "1h", zone: "Mars" } }),
    /^hours\.zone: must be a time zone such as Europe\/Berlin/,
  );
  assert.match(faultOf({ grup_by: [] }), /"grup_by", which is not a setting: must be one of name/);
  assert.match(faultOf({ name: "a/b" }), /^name: must be a name/);
});

Deno.test("defaultRoutes(): everything to everybody, unless there is nobody", () => {
  assert.deepEqual(defaultRoutes([]), []);
  assert.deepEqual(defaultRoutes(["a", "b"]).map(({ channels }) => channels), [["a", "b"]]);
});
