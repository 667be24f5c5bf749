/** The stages one after the other, with time that a test moves: who is told what, when. */
import assert from "node:assert/strict";
import {
  acknowledgeIncident,
  selectIncidentDeliveries,
  selectIncidentEvents,
} from "../../../db/incidents.ts";
import { insertDowntime } from "../../../db/downtimes.ts";
import { deleteUnknownGroups } from "../../../db/notification_groups.ts";
import { adoptIncidents, takeTransitions } from "../../../server/notify/claim.ts";
import { Deliveries } from "../../../server/notify/deliver.ts";
import { judgeGroups } from "../../../server/notify/judge.ts";
import { fire, resolve, worsen } from "../../support/outbox.ts";
import { START_MS, tellingWorld } from "./telling.ts";

const MINUTE_MS = 60_000;

Deno.test("one incident: told once after the wait, not again, and told once that it is over", async () => {
  await using world = await tellingWorld();
  const { sql, clock } = world;
  await fire(sql, "a", { at_ms: START_MS });
  assert.deepEqual(await world.after(0), []);
  assert.deepEqual(await world.after(500), ["ops first web-1 |"]);
  assert.deepEqual(await world.after(10 * MINUTE_MS), []);
  await resolve(sql, "a", clock.now());
  assert.deepEqual(await world.after(0), ["ops resolved  | web-1"]);
  assert.deepEqual(await world.after(24 * 60 * MINUTE_MS), []);
  const left = await sql`select from notification_group`;
  assert.equal(left.length, 0);
});

Deno.test("a group: what comes together is one message, later ones wait for the interval", async () => {
  await using world = await tellingWorld();
  const { sql, clock } = world;
  await fire(sql, "a", { at_ms: START_MS, hostname: "a" });
  await fire(sql, "b", { at_ms: START_MS, hostname: "b", host_id: 2 });
  await fire(sql, "c", { at_ms: START_MS, hostname: "c", host_id: 3, rule: "disk full" });
  assert.deepEqual(await world.after(500), ["ops first a b |", "ops first c |"]);
  await fire(sql, "d", { at_ms: clock.now(), hostname: "d", host_id: 4 });
  await resolve(sql, "a", clock.now());
  assert.deepEqual(await world.after(MINUTE_MS - 1), []);
  assert.deepEqual(await world.after(1), ["ops changed b d | a"]);
  // over before its turn: nobody hears of it
  await fire(sql, "e", { at_ms: clock.now(), hostname: "e", host_id: 5 });
  await resolve(sql, "e", clock.now() + 10, 5);
  assert.deepEqual(await world.after(2 * MINUTE_MS), []);
});

Deno.test("what still fires is told again after the interval, what is acknowledged is not", async () => {
  await using world = await tellingWorld();
  const { sql, clock } = world;
  const id = await fire(sql, "a", { at_ms: START_MS });
  await world.after(500);
  world.told();
  assert.deepEqual(await world.after(4 * 60 * MINUTE_MS - 1), []);
  assert.deepEqual(await world.after(1), ["ops repeat_interval web-1 |"]);
  const incident = { id, host_id: 1, severity: "warning" as const };
  const remark = { incident, who: "me", note: "on it", at_ms: clock.now(), until_ms: null };
  assert.equal(await acknowledgeIncident(sql, remark), true);
  assert.deepEqual(await world.after(9 * 60 * MINUTE_MS), []);
  await worsen(sql, "a", clock.now());
  assert.deepEqual(await world.after(MINUTE_MS), ["ops changed web-1 |"]);
});

Deno.test("escalation: another channel hears of what nobody has acknowledged, and of its end", async () => {
  await using world = await tellingWorld({
    channels: ["ops", "boss"],
    routes: [{
      name: "r",
      channels: ["ops"],
      escalate: [{ after: "15m", channels: ["boss"] }],
    }],
  });
  const { sql, clock } = world;
  await fire(sql, "a", { at_ms: START_MS, hostname: "a" });
  const id = await fire(sql, "b", { at_ms: START_MS, hostname: "b", host_id: 2, rule: "disk" });
  assert.equal((await world.after(500)).length, 2);
  const incident = { id, host_id: 2, severity: "warning" as const };
  await acknowledgeIncident(sql, {
    incident,
    who: null,
    note: "",
    at_ms: clock.now(),
    until_ms: null,
  });
  assert.deepEqual(await world.after(15 * MINUTE_MS - 501), []);
  assert.deepEqual(await world.after(1), ["boss escalation a |"]);
  await resolve(sql, "a", clock.now());
  await resolve(sql, "b", clock.now(), 2);
  assert.deepEqual(await world.after(MINUTE_MS), [
    "boss resolved  | a",
    "ops resolved  | a",
    "ops resolved  | b",
  ]);
});

Deno.test("a downtime: nothing is told within it, what is still there at its end is, and it says why not", async () => {
  await using world = await tellingWorld();
  const { sql, clock } = world;
  const downtime = {
    hostname: null,
    hosts: ["web-*"],
    tags: {},
    rules: [],
    start_ms: START_MS,
    end_ms: START_MS + 60 * MINUTE_MS,
    pattern: null,
    duration_ms: null,
    zone: null,
    note: "new kernel",
    created_by: null,
  };
  await insertDowntime(sql, downtime, START_MS);
  const id = await fire(sql, "a", { at_ms: START_MS });
  await fire(sql, "b", { at_ms: START_MS, hostname: "web-2", host_id: 2 });
  assert.deepEqual(await world.after(500), []);
  await resolve(sql, "b", clock.now(), 2);
  assert.deepEqual(await world.after(60 * MINUTE_MS - 501), []);
  assert.deepEqual(await world.after(1), ["ops first web-1 |"]);
  const events = await selectIncidentEvents(sql, id);
  assert.deepEqual(events.map(({ kind, text }) => [kind, text]), [
    ["silenced", "downtime 1 (new kernel) until 2025-01-15 13:00 UTC"],
    ["unsilenced", null],
  ]);
});

Deno.test("a dead switch: what is behind it is silent without a word, until the switch speaks again", async () => {
  await using world = await tellingWorld({
    routes: [{ name: "r", channels: ["ops"], group_by: ["host"] }],
  });
  const { sql, clock } = world;
  const silent = { story: "host_silent", metric: "", rule: "silent" };
  await sql`insert into host_parent (host_id, parent_id) values (2, 1), (3, 1)`;
  // the children are found out first
  await fire(sql, "a", { ...silent, at_ms: START_MS, host_id: 2, hostname: "a" });
  await fire(sql, "b", { ...silent, at_ms: START_MS, host_id: 3, hostname: "b" });
  assert.deepEqual(await world.after(10_000), []);
  await fire(sql, "s", { ...silent, at_ms: clock.now(), host_id: 1, hostname: "switch" });
  assert.deepEqual(await world.after(MINUTE_MS), ["ops first switch |"]);
  await resolve(sql, "a", clock.now(), 2);
  await resolve(sql, "s", clock.now(), 1);
  // one came back with the switch, the other did not
  assert.deepEqual(await world.after(MINUTE_MS), ["ops first b |", "ops resolved  | switch"]);
});

Deno.test("a receiver that is away: tried again, in order, until it has everything", async () => {
  await using world = await tellingWorld();
  const { sql, clock, collector } = world;
  collector.answer = () => new Response("later", { status: 503 });
  const id = await fire(sql, "a", { at_ms: START_MS });
  await world.after(500);
  await resolve(sql, "a", clock.now());
  for (const wait_ms of [1_000, 2_000, 4_000]) await world.after(wait_ms);
  assert.ok(collector.received.length >= 3);
  const keys = new Set(collector.received.map(({ headers }) => headers.get("idempotency-key")));
  assert.equal(keys.size, 1);
  const [tried] = await selectIncidentDeliveries(sql, id);
  assert.match(tried?.error ?? "", /answered 503: later/);
  world.told();
  collector.answer = () => new Response("ok");
  assert.deepEqual(await world.after(10_000), ["ops first web-1 |"]);
  assert.deepEqual(await world.after(MINUTE_MS), ["ops resolved  | web-1"]);
  const states = (await selectIncidentDeliveries(sql, id)).map((
    { state, error },
  ) => [state, error]);
  assert.deepEqual(states, [["sent", null], ["sent", null]]);
});

Deno.test("a receiver that refuses for good: told to the operator, not tried in vain, never an end alone", async () => {
  await using world = await tellingWorld();
  const { sql, clock, collector } = world;
  collector.answer = () => new Response("no such hook", { status: 404 });
  const id = await fire(sql, "a", { at_ms: START_MS });
  assert.equal((await world.after(500)).length, 1);
  assert.deepEqual(await world.after(60 * MINUTE_MS), []);
  const [failed] = await selectIncidentDeliveries(sql, id);
  assert.deepEqual([failed?.state, failed?.attempts], ["failed", 1]);
  const [channel] = await sql`select last_error from channel where name = 'ops'`;
  assert.match(channel?.last_error, /answered 404: no such hook/);
  collector.answer = () => new Response("ok");
  // when it would be repeated it is tried anew
  assert.deepEqual(await world.after(4 * 60 * MINUTE_MS), ["ops first web-1 |"]);
  collector.answer = () => new Response("gone", { status: 410 });
  await fire(sql, "b", { at_ms: clock.now(), host_id: 2, rule: "disk" });
  await world.after(500);
  world.told();
  collector.answer = () => new Response("ok");
  await resolve(sql, "b", clock.now(), 2);
  assert.deepEqual(await world.after(5 * 60 * MINUTE_MS), ["ops repeat_interval web-1 |"]);
});

Deno.test("three servers: a transition, a group and a message are each handled by one of them", async () => {
  await using world = await tellingWorld();
  const { sql, telling } = world;
  const ids = Array.from({ length: 40 }, (_, i) => i + 1);
  for (const host_id of ids) {
    const rule = `rule ${host_id}`;
    await fire(sql, `k${host_id}`, { at_ms: START_MS, host_id, hostname: `h${host_id}`, rule });
  }
  await world.clock.advance(500);
  const options = { signal: new AbortController().signal, onDone: () => {} };
  const servers = [1, 2, 3].map(() => new Deliveries(telling, options));
  for (let round = 0; round < 6; round++) {
    await Promise.all(servers.map(async (server) => {
      await takeTransitions(telling);
      await judgeGroups(telling);
      await server.start();
      await server.settled();
    }));
  }
  const told = world.told();
  assert.equal(new Set(told).size, 40);
  assert.equal(told.length, 40);
});

Deno.test("who dies while it sends: the message is sent again with its key when the claim has ended", async () => {
  await using world = await tellingWorld();
  const { sql, clock, collector, telling } = world;
  const options = { signal: new AbortController().signal, onDone: () => {} };
  const [slow, other] = [new Deliveries(telling, options), new Deliveries(telling, options)];
  const look = async () => {
    await takeTransitions(telling);
    await judgeGroups(telling);
  };
  await fire(sql, "a", { at_ms: START_MS });
  await takeTransitions(telling);
  await clock.advance(500);
  await look();
  const answer = Promise.withResolvers<Response>();
  collector.answer = () => answer.promise;
  assert.equal(await slow.start(), 1);
  await collector.count(1);
  assert.equal(await other.start(), 0);
  clock.set(clock.now() + 16_000);
  collector.answer = () => new Response("ok");
  // who has it in hand does not take it again, whatever the clock says
  assert.equal(await slow.start(), 0);
  assert.equal(await other.start(), 1);
  await other.settled();
  const keys = collector.received.map(({ headers }) => headers.get("idempotency-key"));
  assert.deepEqual([keys.length, keys[1]], [2, keys[0]]);

  // the group has gone on when the first one comes back: what is on its way then is not settled by it
  await resolve(sql, "a", clock.now());
  clock.set(clock.now() + MINUTE_MS);
  await look();
  await look();
  answer.resolve(new Response("ok"));
  await slow.settled();
  const [group] = await sql`select state->'outstanding'->>'key' as key from notification_group`;
  assert.match(group?.key, /\.2$/);
  await world.round();
  assert.deepEqual(world.told().at(-1), "ops resolved  | web-1");
});

Deno.test("who comes late with a failure does not free the message for a third while another sends it", async () => {
  await using world = await tellingWorld();
  const { sql, clock, collector, telling } = world;
  const options = { signal: new AbortController().signal, onDone: () => {} };
  const [slow, other, third] = [1, 2, 3].map(() => new Deliveries(telling, options));
  await fire(sql, "a", { at_ms: START_MS });
  await takeTransitions(telling);
  await clock.advance(500);
  await judgeGroups(telling);
  const answers = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()];
  collector.answer = () => answers[collector.received.length - 1]?.promise ?? new Response("ok");
  assert.equal(await slow?.start(), 1);
  await collector.count(1);
  clock.set(clock.now() + 16_000);
  assert.equal(await other?.start(), 1);
  await collector.count(2);
  answers[0]?.resolve(new Response("later", { status: 503 }));
  await slow?.settled();
  clock.set(clock.now() + 10_000);
  assert.equal(await third?.start(), 0);
  answers[1]?.resolve(new Response("ok"));
  await other?.settled();
  assert.deepEqual((await sql`select state from notification`)[0]?.state, "sent");
});

Deno.test("a channel that is in no configuration any more: its messages are dropped, and it says why", async () => {
  await using world = await tellingWorld();
  const { sql, clock, telling } = world;
  const id = await fire(sql, "a", { at_ms: START_MS });
  await takeTransitions(telling);
  await clock.advance(500);
  await judgeGroups(telling);
  const options = { signal: new AbortController().signal, onDone: () => {} };
  const without = new Deliveries({ ...telling, channels: new Map() }, options);
  clock.set(clock.now() + 12 * 60 * MINUTE_MS);
  assert.equal(await without.start(), 0);
  await without.dropAbandoned();
  assert.equal((await selectIncidentDeliveries(sql, id))[0]?.state, "waiting");
  clock.set(clock.now() + 13 * 60 * MINUTE_MS);
  await without.dropAbandoned();
  const [dropped] = await selectIncidentDeliveries(sql, id);
  assert.deepEqual([dropped?.state, dropped?.error], [
    "dropped",
    "no server has this channel in its configuration any more",
  ]);
});

Deno.test("a clock that is set back: the next incident of a group waits for the interval, not for the time it was", async () => {
  await using world = await tellingWorld();
  const { sql, clock } = world;
  await fire(sql, "a", { at_ms: START_MS });
  assert.deepEqual(await world.after(500), ["ops first web-1 |"]);
  // this one has just begun by the clock as it was
  await fire(sql, "c", { at_ms: clock.now(), rule: "disk full", hostname: "web-3", host_id: 3 });
  clock.set(START_MS - 5 * 60 * MINUTE_MS);
  await fire(sql, "b", { at_ms: clock.now(), hostname: "web-2", host_id: 2 });
  assert.deepEqual(await world.after(0), []);
  assert.deepEqual(await world.after(500), ["ops first web-3 |"]);
  assert.deepEqual(await world.after(MINUTE_MS - 500), ["ops changed web-2 web-1 |"]);
  // what the group remembers is right again: told anew after the interval, not sooner
  assert.deepEqual(await world.after(239 * MINUTE_MS), []);
  assert.deepEqual(await world.after(500), ["ops repeat_interval web-3 |"]);
  assert.deepEqual(await world.after(MINUTE_MS - 500), ["ops repeat_interval web-2 web-1 |"]);
});

Deno.test("servers that were off for days: what waits for a channel that they have is told, not dropped", async () => {
  await using world = await tellingWorld();
  const { sql, clock, telling } = world;
  await fire(sql, "a", { at_ms: START_MS });
  await takeTransitions(telling);
  await clock.advance(500);
  await judgeGroups(telling);
  clock.set(clock.now() + 48 * 60 * MINUTE_MS);
  const options = { signal: new AbortController().signal, onDone: () => {} };
  await new Deliveries(telling, options).dropAbandoned();
  assert.deepEqual(await world.after(0), ["ops first web-1 |"]);
});

Deno.test("settings that change: open incidents are told by the new routes, and nobody else goes on", async () => {
  await using world = await tellingWorld({ channels: ["ops", "chat"] });
  const { sql, clock, telling } = world;
  await fire(sql, "a", { at_ms: START_MS });
  assert.equal((await world.after(500)).length, 2);
  const known = { ...telling.known, channels: ["chat"] };
  assert.equal(await deleteUnknownGroups(sql, known), 1);
  await adoptIncidents(telling, 0);
  // chat still tells of it: nothing is new
  assert.deepEqual(await world.after(MINUTE_MS), []);
  await deleteUnknownGroups(sql, { ...known, channels: [] });
  await adoptIncidents(telling, 0);
  assert.deepEqual(await world.after(MINUTE_MS), ["chat first web-1 |", "ops first web-1 |"]);
  await resolve(sql, "a", clock.now());
  assert.equal((await world.after(MINUTE_MS)).length, 2);
});
