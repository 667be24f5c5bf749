import assert from "node:assert/strict";
import fc from "fast-check";
import { mayLag, ReplicaLag } from "../../../server/query/replica_lag.ts";

const LAG_MS_MAX = 10_000;

/** Looks every second, each at the positions given for it: the primary's and the replica's. */
function lagAfter(looks: [written: number, replayed: number | undefined][]) {
  const lag = new ReplicaLag({ lag_ms_max: LAG_MS_MAX, now_ms: 0 });
  const turns = looks.map(([written, replayed], i) => {
    lag.looked({ at_ms: i * 1000, written, replayed, is_same: true });
    return lag.turn(i * 1000);
  });
  return { lag, turns, last_ms: (looks.length - 1) * 1000 };
}

Deno.test("ReplicaLag: with an idle primary a replica is not late, however long ago it wrote", () => {
  const { lag, turns, last_ms } = lagAfter(Array.from({ length: 100 }, () => [500, 500]));
  assert.deepEqual(turns.filter((turn) => turn !== undefined), [{ in_use: true }]);
  assert.equal(lag.lagMs(last_ms + 250), 250);
});

Deno.test("ReplicaLag: what it has replayed says how far it is behind", () => {
  // 100 bytes a second, and the replica is three and a half seconds behind
  const { lag, last_ms } = lagAfter(
    Array.from({ length: 20 }, (_, i) => [i * 100, Math.max(0, i * 100 - 350)]),
  );
  assert.equal(lag.lagMs(last_ms), 4_000);
  assert.equal(lag.isInUse(last_ms), true);
  // not heard any more: later and later
  assert.equal(lag.isInUse(last_ms + 5_999), true);
  assert.equal(lag.isInUse(last_ms + 6_000), false);
});

Deno.test("ReplicaLag: one that stands still is given up, and asked again when it is near", () => {
  const stands: [number, number][] = Array.from({ length: 15 }, (_, i) => [i * 100, 0]);
  // six seconds behind is near enough to go on, not to begin
  const follows: [number, number][] = [[1500, 900], [1600, 1000], [1700, 1600]];
  const { turns } = lagAfter([...stands, ...follows]);
  assert.deepEqual(
    turns.flatMap((turn, i) => turn === undefined ? [] : [[i, turn]]),
    [
      [0, { in_use: true }],
      [10, { in_use: false, reason: "it is 10 s behind" }],
      [17, { in_use: true }],
    ],
  );
});

Deno.test("ReplicaLag: a new one has time to catch up before anything is said", () => {
  const { lag, turns } = lagAfter(Array.from({ length: 12 }, (_, i) => [1_000 + i, 10]));
  assert.deepEqual(turns.filter((turn) => turn !== undefined), [
    { in_use: false, reason: "it has not caught up yet" },
  ]);
  assert.equal(turns.at(10)?.in_use, false);
  assert.equal(lag.lagMs(11_000), undefined);
});

Deno.test("ReplicaLag: what is no replica of this PostgreSQL is not asked, and why is said", () => {
  const { turns } = lagAfter([[500, 500], [500, undefined]]);
  assert.deepEqual(turns[1], {
    in_use: false,
    reason: "it is no replica: it does not follow another PostgreSQL",
  });
  const ahead = lagAfter([[500, 500], [510, 520]]);
  assert.match(JSON.stringify(ahead.turns[1]), /they have parted/);
  const other = new ReplicaLag({ lag_ms_max: LAG_MS_MAX, now_ms: 0 });
  other.looked({ at_ms: 0, written: 500, replayed: 500, is_same: false });
  assert.match(JSON.stringify(other.turn(0)), /of another PostgreSQL than database.url/);
});

Deno.test("ReplicaLag: one that was put back to an older state is behind again", () => {
  const { lag, last_ms } = lagAfter([[500, 500], [600, 600], [700, 550]]);
  assert.equal(lag.lagMs(last_ms), undefined);
  assert.equal(lag.isInUse(last_ms), false);
});

Deno.test("ReplicaLag: failing is told once, and so is coming back", () => {
  const { lag } = lagAfter([[500, 500]]);
  lag.failed("it does not answer");
  assert.deepEqual(lag.turn(500), { in_use: false, reason: "it does not answer" });
  lag.failed("it does not answer");
  assert.equal(lag.turn(1_500), undefined);
  lag.looked({ at_ms: 2_000, written: 600, replayed: 600, is_same: true });
  assert.deepEqual(lag.turn(2_000), { in_use: true });
});

Deno.test("ReplicaLag never says that a replica is nearer than it is", () => {
  const step = fc.record({
    wait_ms: fc.integer({ min: 1, max: 3_000 }),
    written: fc.integer({ min: 0, max: 100 }),
    replayed: fc.integer({ min: 0, max: 150 }),
  });
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
    const lag = new ReplicaLag({ lag_ms_max: LAG_MS_MAX, now_ms: 0 });
    const commits: { at_ms: number; position: number }[] = [];
    let [now_ms, written, replayed] = [0, 0, 0];
    for (const one of steps) {
      now_ms += one.wait_ms;
      written += one.written;
      replayed = Math.min(written, replayed + one.replayed);
      if (one.written > 0) commits.push({ at_ms: now_ms, position: written });
      lag.looked({ at_ms: now_ms, written, replayed, is_same: true });
      const missing = commits.find(({ position }) => position > replayed);
      const said_ms = lag.lagMs(now_ms);
      // everything that is older than what it says is there
      if (said_ms !== undefined && missing !== undefined) {
        assert.ok(missing.at_ms > now_ms - said_ms, `${said_ms} said at ${now_ms}`);
      }
      if (missing === undefined) assert.equal(said_ms, 0);
    }
  }));
});

Deno.test("mayLag(): samples of the newest seconds come from the primary", () => {
  const limits = { now_ms: 1_000_000, lag_ms_max: 30_000 };
  assert.equal(mayLag({ before_ms: 970_000, step_ms: 0 }, limits), true);
  assert.equal(mayLag({ before_ms: 970_001, step_ms: 0 }, limits), false);
  assert.equal(mayLag({ before_ms: 1_000_000, step_ms: 29_999 }, limits), false);
  assert.equal(mayLag({ before_ms: 1_000_000, step_ms: 30_000 }, limits), true);
  assert.equal(mayLag({ before_ms: Infinity, step_ms: 0 }, limits), false);
});
