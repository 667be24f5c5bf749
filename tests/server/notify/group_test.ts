import assert from "node:assert/strict";
import fc from "fast-check";
import {
  afterDecision,
  afterDelivery,
  afterFailure,
  asOf,
  type GroupState,
  look,
  type LookOptions,
  type Member,
  newGroup,
  RECHECK_MS,
  turnOf,
} from "../../../server/notify/group.ts";

const T = 1_000_000;
const PLACE = { route: "r", channel: "ops", after_ms: 0 };
const NEW = newGroup(PLACE, T);
const OPTIONS: LookOptions = { now_ms: T, repeat_interval_ms: 60_000, send_resolved: true };

const member = (id: number, more: Partial<Member> = {}): Member => ({
  id,
  severity: "warning",
  flapping: false,
  turn_ms: T - 1,
  looked: false,
  opened_ms: T - 1_000,
  resolved_ms: null,
  acknowledged_ms: null,
  acknowledged_until_ms: null,
  held: undefined,
  ...more,
});

const held = { kind: "downtime" as const, id: 1, text: "downtime 1", until_ms: T + 10_000 };

/** A group whose receiver knows these incidents. */
function knowing(ids: number[], last_sent_ms = T - 10_000): GroupState {
  const told = Object.fromEntries(
    ids.map((id) => [id, { severity: "warning" as const, flapping: false }]),
  );
  return { ...NEW, told, last_sent_ms };
}

Deno.test("look(): the first message has the gravest first, then the oldest", () => {
  const members = [
    member(1),
    member(2, { severity: "critical" }),
    member(3, { opened_ms: T - 5_000 }),
  ];
  const { decision, firing, told } = look(NEW, members, OPTIONS);
  assert.equal(decision, "first");
  assert.deepEqual(firing.map(({ id }) => id), [2, 3, 1]);
  assert.deepEqual(Object.keys(told), ["1", "2", "3"]);
});

Deno.test("look(): held back and acknowledged ones are not told, and are looked at again", () => {
  const both = [member(1, { held }), member(2, { acknowledged_ms: T })];
  const { decision, due_ms, finished } = look(NEW, both, OPTIONS);
  assert.deepEqual([decision, due_ms, finished], ["none", T + 10_000, false]);
  const for_ever = { ...held, until_ms: Infinity };
  assert.equal(look(NEW, [member(1, { held: for_ever })], OPTIONS).due_ms, T + RECHECK_MS);
  const until = member(1, { acknowledged_ms: T, acknowledged_until_ms: T + 7 });
  assert.equal(look(NEW, [until], OPTIONS).due_ms, T + 7);
  assert.equal(look(NEW, [until], { ...OPTIONS, now_ms: T + 7 }).decision, "first");
});

Deno.test("look(): what was told before a downtime and is over within it is said to be over", () => {
  const over = member(1, { resolved_ms: T, held, looked: true });
  const { decision, resolved, told } = look(knowing([1]), [over], OPTIONS);
  assert.deepEqual([decision, resolved.length, told], ["resolved", 1, {}]);
});

Deno.test("look(): outside the hours of a route its ends wait, too", () => {
  const hours = { kind: "hours" as const, id: null, text: "at night", until_ms: T + 9_000 };
  const over = member(1, { resolved_ms: T, held: hours, looked: true });
  const { decision, due_ms, finished } = look(knowing([1]), [over], OPTIONS);
  assert.deepEqual([decision, due_ms, finished], ["none", T + 9_000, false]);
  const open_again = { ...over, held: undefined };
  assert.equal(look(knowing([1]), [open_again], OPTIONS).decision, "resolved");
  // what was never told does not wait for anything
  assert.equal(look(NEW, [over], OPTIONS).finished, true);
});

Deno.test("look(): what began and ended within a downtime is never told", () => {
  const over = member(1, { resolved_ms: T, held, looked: true });
  const found = look(NEW, [over], OPTIONS);
  assert.deepEqual([found.decision, found.leaving, found.finished], ["none", [1], true]);
});

Deno.test("look(): what is over before its turn is not told; what was there is, late, then resolved", () => {
  const before = member(1, { turn_ms: T, resolved_ms: T - 1 });
  assert.equal(look(NEW, [before], OPTIONS).finished, true);
  const missed = member(1, { turn_ms: T - 500, resolved_ms: T - 400 });
  const late = look(NEW, [missed], OPTIONS);
  assert.equal(late.decision, "first");
  const sent = afterDelivery(afterDecision(NEW, late, "k"), { now_ms: T, group_interval_ms: 5 });
  const next = look(sent.state, [{ ...missed, looked: true }], { ...OPTIONS, now_ms: T + 5 });
  assert.equal(next.decision, "resolved");
  const forgotten = member(1, { turn_ms: 0, opened_ms: 0, resolved_ms: 1 });
  assert.equal(look(NEW, [forgotten], { ...OPTIONS, now_ms: 1e9 }).decision, "none");
});

Deno.test("look(): an acknowledged one goes on firing for who knows it, beside news", () => {
  const members = [member(1, { acknowledged_ms: T }), member(2)];
  const { decision, firing } = look(knowing([1]), members, OPTIONS);
  assert.deepEqual([decision, firing.map(({ id }) => id)], ["changed", [1, 2]]);
  // alone it is not repeated, and not looked at by itself
  const alone = look(knowing([1], 0), members.slice(0, 1), OPTIONS);
  assert.deepEqual([alone.decision, alone.due_ms], ["none", null]);
});

Deno.test("look(): is looked at again when the repetition is due, and never with `never`", () => {
  assert.equal(look(knowing([1]), [member(1)], OPTIONS).due_ms, T + 50_000);
  const never = { ...OPTIONS, repeat_interval_ms: Infinity };
  assert.equal(look(knowing([1], 0), [member(1)], never).due_ms, null);
});

Deno.test("look(): an escalation waits for its time, and is over with the incident", () => {
  const boss = newGroup({ ...PLACE, after_ms: 5_000 }, T);
  const waiting = look(boss, [member(1)], OPTIONS);
  assert.deepEqual([waiting.decision, waiting.due_ms], ["none", T + 4_000]);
  const later = { ...OPTIONS, now_ms: T + 4_000 };
  assert.equal(look(boss, [member(1)], later).decision, "escalation");
  assert.equal(look(boss, [member(1, { acknowledged_ms: T })], later).decision, "none");
  const over = member(1, { resolved_ms: T + 1, turn_ms: T + 4_000 });
  assert.equal(look(boss, [over], later).finished, true);
});

Deno.test("look(): who wants no ends gets none, and hears of the next beginning", () => {
  const quiet = { ...OPTIONS, send_resolved: false };
  const over = member(1, { resolved_ms: T, looked: true });
  const { decision, told, leaving, finished } = look(knowing([1]), [over], quiet);
  assert.deepEqual([decision, told, leaving, finished], ["forget", {}, [1], true]);
  const beside = look(knowing([1]), [over, member(2)], quiet);
  assert.deepEqual([beside.decision, beside.resolved], ["changed", []]);
});

Deno.test("afterFailure(): the receiver knows what it knew, all comes again, ends alone are let go", () => {
  const news = look(knowing([1]), [member(1, { resolved_ms: T }), member(2)], OPTIONS);
  const failed = afterFailure(afterDecision(knowing([1]), news, "k"), {
    now_ms: T,
    repeat_interval_ms: Infinity,
  });
  assert.deepEqual(failed.state.told, knowing([1]).told);
  assert.deepEqual([failed.state.failed, failed.state.outstanding], [true, null]);
  assert.equal(failed.due_ms, T + 3_600_000);
  const over = member(1, { resolved_ms: T, looked: true });
  const again = look(failed.state, [over, member(2, { looked: true })], OPTIONS);
  assert.deepEqual([again.decision, again.resolved.length], ["changed", 1]);
  const ends = look(knowing([1]), [over], OPTIONS);
  const lost = afterFailure(afterDecision(knowing([1]), ends, "k"), {
    now_ms: T,
    repeat_interval_ms: 1,
  });
  assert.equal(look(lost.state, [over], OPTIONS).finished, true);
});

Deno.test("turnOf(): a wait before the first message, an interval after each", () => {
  const times = { group_wait_ms: 30, group_interval_ms: 300 };
  const incident = { opened_ms: T };
  assert.equal(turnOf(NEW, incident, times), T + 30);
  assert.equal(turnOf(knowing([1], T - 100), incident, times), T + 200);
  assert.equal(turnOf(knowing([1], T - 900), incident, times), T);
  assert.equal(turnOf({ ...NEW, after_ms: 7 }, incident, times), T + 7);
});

interface Told {
  at_ms: number;
  decision: string;
  firing: number[];
  resolved: number[];
}

Deno.test("asOf(): nobody was told later than now, whatever the clock said then", () => {
  const state = knowing([1], T);
  assert.equal(asOf(state, T), state);
  assert.deepEqual(asOf(state, T - 5_000), { ...state, last_sent_ms: T - 5_000 });
  assert.equal(asOf(NEW, 0), NEW);
});

Deno.test("look(): what has begun by a clock that was set back is told", () => {
  const { decision } = look(NEW, [member(1, { opened_ms: T + 60_000 })], OPTIONS);
  assert.equal(decision, "first");
});

/** Lives through what happens, with a receiver that fails sometimes; what it was told. */
function live(steps: readonly { what: string; id: number; wait_ms: number }[]): {
  told: Told[];
  members: Map<number, Member>;
} {
  let now_ms = T;
  let state = NEW;
  let due_ms: number | null = null;
  const members = new Map<number, Member>();
  const told: Told[] = [];
  const lookNow = (fails: boolean) => {
    const options = { ...OPTIONS, now_ms };
    const found = look(state, [...members.values()], options);
    for (const id of found.looked) Object.assign(members.get(id) ?? {}, { looked: true });
    for (const id of found.leaving) members.delete(id);
    if (found.decision === "none" || found.decision === "forget") {
      state = { ...state, told: found.told };
      due_ms = found.due_ms;
      return;
    }
    state = afterDecision(state, found, "k");
    // ends that do not arrive are let go
    const isLost = fails && found.firing.length === 0;
    if (!fails || isLost) {
      told.push({
        at_ms: now_ms,
        decision: isLost ? "lost" : found.decision,
        firing: found.firing.map(({ id }) => id),
        resolved: found.resolved.map(({ id }) => id),
      });
    }
    const settled = fails
      ? afterFailure(state, { now_ms, repeat_interval_ms: 60_000 })
      : afterDelivery(state, { now_ms, group_interval_ms: 1_000 });
    ({ state, due_ms } = settled);
  };
  for (const { what, id, wait_ms } of steps) {
    now_ms += wait_ms;
    const one = members.get(id);
    if (what === "fire" && one === undefined) {
      const turn_ms = turnOf(state, { opened_ms: now_ms }, {
        group_wait_ms: 500,
        group_interval_ms: 1_000,
      });
      members.set(id, member(id, { opened_ms: now_ms, turn_ms }));
      due_ms = Math.min(due_ms ?? Infinity, turn_ms);
    } else if (one?.resolved_ms === null) {
      if (what === "resolve") one.resolved_ms = now_ms;
      if (what === "worse") one.severity = "critical";
      if (what === "acknowledge") one.acknowledged_ms = now_ms;
      if (what === "hold") one.held = one.held === undefined ? held : undefined;
      due_ms = Math.min(due_ms ?? Infinity, now_ms);
    }
    if (due_ms !== null && due_ms <= now_ms) lookNow(what === "fail");
  }
  return { told, members };
}

Deno.test("a group, whatever happens: no end without a beginning, no repetition too early, nothing forgotten", () => {
  const step = fc.record({
    what: fc.constantFrom(
      "fire",
      "fire",
      "resolve",
      "worse",
      "acknowledge",
      "hold",
      "fail",
      "pass",
    ),
    id: fc.integer({ min: 1, max: 4 }),
    wait_ms: fc.constantFrom(0, 100, 600, 1_000, 20_000, 70_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const calm = Array.from({ length: 4 }, () => ({ what: "pass", id: 1, wait_ms: 70_000 }));
      const { told, members } = live([...steps, ...calm]);
      const known = new Set<number>();
      let last: Told | undefined;
      for (const message of told) {
        for (const id of message.resolved) assert.ok(known.has(id), `${id} was never told`);
        if (message.decision === "repeat_interval") {
          assert.ok(message.at_ms - (last?.at_ms ?? 0) >= 60_000, "repeated too early");
        }
        if (message.decision === "first") assert.equal(known.size, 0, "it knows of something");
        if (message.decision === "resolved") assert.ok(message.resolved.length > 0);
        for (const id of message.firing) known.add(id);
        for (const id of message.resolved) known.delete(id);
        last = message;
      }
      for (const one of members.values()) {
        const isWaited = one.resolved_ms === null && one.held === undefined &&
          one.acknowledged_ms === null;
        if (isWaited) assert.ok(known.has(one.id), `${one.id} still fires and was not told`);
      }
    }),
    { numRuns: 3_000 },
  );
});
