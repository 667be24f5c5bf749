import assert from "node:assert/strict";
import fc from "fast-check";
import { Admission, DrainRate } from "../../../server/ingest/admission.ts";
import { IngestQueue } from "../../../server/ingest/queue.ts";
import { rowPrototype } from "../../../server/ingest/rows.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const MIB = 1024 * 1024;

Deno.test("DrainRate: large batches say how fast it goes, however they overlap", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ mib: fc.integer({ min: 1, max: 4 }), early: fc.boolean() }), {
      minLength: 1,
      maxLength: 50,
    }),
    (batches) => {
      // 1 MiB takes 20 ms, whether a batch was taken when the one before began or when it ended
      const rate = new DrainRate();
      let [begun_ms, done_ms] = [0, 0];
      for (const { mib, early } of batches) {
        const taken_ms = early ? begun_ms : done_ms;
        begun_ms = done_ms;
        done_ms += mib * 20;
        rate.stored({ bytes: mib * MIB, taken_ms, done_ms });
      }
      assert.ok(Math.abs(rate.timeFor(10 * MIB, done_ms) - 200) < 1e-6);
    },
  ));
});

Deno.test("DrainRate: small batches and old ones say nothing", () => {
  const rate = new DrainRate();
  rate.stored({ bytes: 1_000, taken_ms: 0, done_ms: 50 });
  assert.equal(rate.timeFor(MIB, 50), 0);
  rate.stored({ bytes: MIB, taken_ms: 50, done_ms: 60 });
  assert.equal(rate.timeFor(2 * MIB, 60), 20);
  assert.equal(rate.timeFor(2 * MIB, 10_061), 0);
});

Deno.test("Admission: the first refusal after a quiet minute is told", () => {
  let [now_ms, wait_ms] = [0, 0];
  const told: number[] = [];
  const admission = new Admission({
    waitMs: () => wait_ms,
    limits: { ingest_wait_ms: 100 },
    onBusy: (ms) => told.push(ms),
    monotonic: () => now_ms,
  });
  assert.equal(admission.isBusy(), false);
  wait_ms = 100;
  assert.equal(admission.isBusy(), true);
  now_ms = 59_000;
  assert.equal(admission.isBusy(), true);
  assert.deepEqual(told, [100]);
  now_ms = 130_000;
  wait_ms = 101;
  assert.equal(admission.isBusy(), true);
  assert.deepEqual(told, [100, 101]);
  assert.equal(admission.refusals, 3);
});

/** What a request of one report of 100 metrics weighs. */
const PROTOTYPE = rowPrototype(1, 100);
const STEP_MS = 10;
const WAIT_MS_MAX = 300;
/** Reports a millisecond that the database stores. */
const CAPACITY = 20;

/** A queue, a database that stores `CAPACITY` and stands still when told, in a time of their own. */
function simulation() {
  const clock = new FakeClock();
  const monotonic = () => clock.monotonic();
  const queue = new IngestQueue({
    bytes_max: 64 * MIB,
    batch_bytes_max: 4 * MIB,
    pause: () => Promise.resolve(),
    monotonic,
  });
  const admission = new Admission({
    waitMs: () => queue.waitMs(),
    limits: { ingest_wait_ms: WAIT_MS_MAX },
    monotonic,
  });
  const waits_ms: number[] = [];
  let taken = 0;
  const database = { free_at_ms: 0 };
  const write = async () => {
    for (let batch = await queue.take(); batch !== undefined; batch = await queue.take()) {
      const start_ms = Math.max(monotonic(), database.free_at_ms);
      database.free_at_ms = start_ms + 2 + batch.rows.rows / CAPACITY;
      await clock.sleep(database.free_at_ms - monotonic());
      batch.resolve(undefined);
      queue.done(batch);
    }
  };
  const writers = [write(), write()];
  const offer = async (for_ms: number, rate: number) => {
    const before = { taken, refused: admission.refusals };
    for (let at = 0; at < for_ms; at += STEP_MS) {
      for (let i = 0; i < rate * STEP_MS; i++) {
        if (admission.isBusy()) continue;
        const batch = queue.open();
        batch.rows.add(PROTOTYPE, 1, taken + 1);
        taken++;
        queue.appended();
        const came_ms = monotonic();
        if (i === 0) void batch.committed.then(() => waits_ms.push(monotonic() - came_ms));
      }
      await clock.advance(STEP_MS);
    }
    return { taken: taken - before.taken, refused: admission.refusals - before.refused };
  };
  const end = async () => {
    queue.stop();
    await clock.advance(10_000);
    await Promise.all(writers);
  };
  return { offer, end, waits_ms, database, clock };
}

Deno.test("Admission: three times the capacity is served at capacity, in about the time allowed", async () => {
  const { offer, end, waits_ms } = simulation();
  const calm = await offer(500, CAPACITY / 2);
  assert.equal(calm.refused, 0);
  const over = await offer(2_000, 3 * CAPACITY);
  assert.ok(over.taken > 0.9 * 2_000 * CAPACITY, `only ${over.taken} were taken`);
  assert.ok(over.refused > 2_000 * CAPACITY, `only ${over.refused} were refused`);
  assert.ok(Math.max(...waits_ms) < 1.5 * WAIT_MS_MAX, `one waited ${Math.max(...waits_ms)} ms`);
  // what had been taken is stored within the bound; then nothing is left of it
  await offer(WAIT_MS_MAX, CAPACITY / 2);
  const after = await offer(500, CAPACITY / 2);
  assert.equal(after.refused, 0);
  await end();
});

Deno.test("Admission: a database that stands still is noticed by the age of what waits", async () => {
  const { offer, end, database, clock } = simulation();
  await offer(100, CAPACITY / 20);
  database.free_at_ms = clock.monotonic() + 2_000;
  await offer(WAIT_MS_MAX + 50, CAPACITY / 20);
  const stalled = await offer(1_000, CAPACITY / 20);
  assert.equal(stalled.taken, 0);
  await offer(1_000, CAPACITY / 20);
  const after = await offer(500, CAPACITY / 20);
  assert.equal(after.refused, 0);
  await end();
});

Deno.test("Admission: where there is hardly any room left nothing is taken, however short the wait", () => {
  let isNearlyFull = false;
  const admission = new Admission({
    waitMs: () => 0,
    isNearlyFull: () => isNearlyFull,
    limits: { ingest_wait_ms: WAIT_MS_MAX },
    monotonic: () => 0,
  });
  assert.equal(admission.isBusy(), false);
  isNearlyFull = true;
  assert.equal(admission.isBusy(), true);
  const queue = new IngestQueue({ bytes_max: 1_000, batch_bytes_max: 1_000 });
  queue.reserve(750);
  assert.equal(queue.isNearlyFull(), false);
  queue.reserve(1);
  assert.equal(queue.isNearlyFull(), true);
});
