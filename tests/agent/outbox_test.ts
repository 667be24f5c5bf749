import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryOutbox } from "../../agent/outbox.ts";

const ALL = { reports_max: 1_000, bytes_max: 1e9 };
/** An entry of 100 bytes with its overhead. */
const entry = (at_ms: number) => ({ at_ms, text: "x".repeat(36), samples: 3 });

async function filled(count: number, bytes_max = 1e9): Promise<MemoryOutbox> {
  const outbox = new MemoryOutbox({ bytes_max });
  for (let at = 1; at <= count; at++) await outbox.append(entry(at));
  return outbox;
}

async function times(outbox: MemoryOutbox, limits = ALL): Promise<number[]> {
  const batch = await outbox.peek(limits);
  if (batch !== undefined) outbox.release(batch);
  return batch?.entries.map(({ at_ms }) => at_ms) ?? [];
}

Deno.test("MemoryOutbox.peek() gives the oldest within both limits, and at least one", async () => {
  const outbox = await filled(5);
  assert.deepEqual(await times(outbox), [1, 2, 3, 4, 5]);
  assert.deepEqual(await times(outbox, { reports_max: 2, bytes_max: 1e9 }), [1, 2]);
  assert.deepEqual(await times(outbox, { reports_max: 9, bytes_max: 399 }), [1, 2, 3]);
  assert.deepEqual(await times(outbox, { reports_max: 9, bytes_max: 1 }), [1]);
  assert.equal(await (await filled(0)).peek(ALL), undefined);
});

Deno.test("MemoryOutbox drops the oldest when it is full, and counts them", async () => {
  const outbox = await filled(5, 300);
  assert.deepEqual(await times(outbox), [3, 4, 5]);
  assert.deepEqual(outbox.dropped(), { reports: 2, samples: 6 });
  assert.deepEqual(outbox.size(), { reports: 3, bytes: 300 });
});

Deno.test("MemoryOutbox drops nothing that is being sent", async () => {
  const outbox = await filled(3, 300);
  const batch = await outbox.peek({ reports_max: 2, bytes_max: 1e9 });
  assert.ok(batch);
  await outbox.append(entry(4));
  assert.deepEqual(outbox.dropped().reports, 1);
  await outbox.acknowledge(batch);
  assert.deepEqual(await times(outbox), [4], "3 was dropped in place of 1 and 2");
});

Deno.test("MemoryOutbox drops what was not sent, when it is released into a full store", async () => {
  const outbox = await filled(2, 200);
  const batch = await outbox.peek(ALL);
  assert.ok(batch);
  await outbox.append(entry(3));
  assert.equal(outbox.size().reports, 3, "a held batch may exceed the limit for a moment");
  outbox.release(batch);
  assert.deepEqual(await times(outbox), [2, 3]);
});

Deno.test("MemoryOutbox keeps one report that is too big alone", async () => {
  const outbox = await filled(1, 10);
  assert.deepEqual(await times(outbox), [1]);
});

Deno.test("MemoryOutbox neither loses nor repeats: appended = acknowledged + dropped + kept", async () => {
  const anyStep = fc.constantFrom("append", "append", "peek", "acknowledge", "release");
  await fc.assert(fc.asyncProperty(fc.array(anyStep), fc.integer({ min: 100, max: 900 }), run));
});

async function run(steps: string[], bytes_max: number): Promise<void> {
  const outbox = new MemoryOutbox({ bytes_max });
  const acknowledged: number[] = [];
  let held: Awaited<ReturnType<MemoryOutbox["peek"]>>;
  let appended = 0;
  for (const step of steps) {
    if (step === "append") await outbox.append(entry(++appended));
    else if (step === "peek" && held === undefined) {
      held = await outbox.peek({ reports_max: 3, bytes_max: 1e9 });
    } else if (held !== undefined) {
      if (step === "acknowledge") {
        await outbox.acknowledge(held);
        acknowledged.push(...held.entries.map(({ at_ms }) => at_ms));
      } else if (step === "release") outbox.release(held);
      if (step !== "peek") held = undefined;
    }
    const { reports, bytes } = outbox.size();
    assert.equal(acknowledged.length + outbox.dropped().reports + reports, appended);
    assert.equal(bytes, reports * 100);
    assert.ok(held !== undefined || bytes <= bytes_max, "it keeps its limit");
  }
  assert.deepEqual(acknowledged, [...new Set(acknowledged)].sort((a, b) => a - b));
}
