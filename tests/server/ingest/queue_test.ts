import assert from "node:assert/strict";
import { IngestQueue, QueueFullError } from "../../../server/ingest/queue.ts";
import { rowBytes, rowPrototype } from "../../../server/ingest/rows.ts";

const ROW = rowPrototype(1, 2);

function queueOf(rows: number, batch_rows = 1_000): IngestQueue {
  return new IngestQueue({
    bytes_max: rows * rowBytes(2),
    batch_bytes_max: batch_rows * rowBytes(2),
  });
}

function append(queue: IngestQueue, at_ms = 0) {
  const batch = queue.open();
  batch.rows.add(ROW, 1, at_ms);
  queue.appended();
  return batch;
}

Deno.test("IngestQueue.open() refuses when its bound in bytes is reached, and takes again later", async () => {
  const queue = queueOf(3);
  for (let i = 0; i < 3; i++) append(queue);
  assert.throws(() => queue.open(), QueueFullError);
  const batch = await queue.take();
  assert.throws(() => queue.open(), QueueFullError, "what is being committed counts, too");
  assert.ok(batch !== undefined);
  queue.done(batch);
  assert.equal(queue.bytes, 0);
  append(queue);
});

Deno.test("IngestQueue.reserve() takes from the same room as rows, and gives it back", () => {
  const queue = queueOf(2);
  queue.reserve(rowBytes(2));
  append(queue);
  assert.throws(() => queue.reserve(1), QueueFullError);
  queue.release(rowBytes(2));
  queue.reserve(1);
});

Deno.test("IngestQueue counts the texts of annotations", () => {
  const queue = queueOf(10);
  const batch = queue.open();
  batch.annotate({ host_id: 1, metric_id: 1, at_ms: 0, message: "x".repeat(rowBytes(2) * 5) });
  queue.appended();
  assert.throws(() => queue.open(), QueueFullError);
});

Deno.test("IngestQueue.take() hands out what waits as one batch, and waits when nothing does", async () => {
  const queue = queueOf(100);
  const first = append(queue);
  assert.equal(append(queue), first);
  assert.equal(await queue.take(), first);
  const waiting = queue.take();
  const second = append(queue);
  assert.notEqual(second, first);
  assert.equal(await waiting, second);
});

Deno.test("IngestQueue closes a batch at its size, and hands batches out in order", async () => {
  const queue = queueOf(100, 2);
  const batches = [append(queue), append(queue), append(queue), append(queue), append(queue)];
  assert.equal(new Set(batches).size, 3);
  assert.equal(await queue.take(), batches[0]);
  assert.equal(await queue.take(), batches[2]);
  assert.equal(await queue.take(), batches[4]);
});

Deno.test("IngestQueue.stop() refuses new reports, hands out the rest, then ends every writer", async () => {
  const queue = queueOf(100);
  const idle = queueOf(1);
  const waiting = [idle.take(), idle.take()];
  idle.stop();
  assert.deepEqual(await Promise.all(waiting), [undefined, undefined]);
  const batch = append(queue);
  queue.stop();
  assert.throws(() => queue.open(), QueueFullError);
  assert.throws(() => queue.reserve(1), QueueFullError);
  assert.equal(await queue.take(), batch);
  assert.equal(await queue.take(), undefined);
});

Deno.test("a buffer that is used again holds nothing of the batch before", async () => {
  const queue = queueOf(100);
  append(queue, 5);
  const batch = await queue.take();
  assert.ok(batch !== undefined);
  queue.done(batch);
  append(queue, 6);
  await queue.take();
  const again = append(queue, 7);
  assert.deepEqual(again.rows.keys().map(({ at_ms }) => at_ms), [7]);
});

Deno.test("IngestQueue.take() lets a batch fill when the load is high, and only then", async () => {
  const pauses: (() => void)[] = [];
  const queue = new IngestQueue({
    bytes_max: 1e6,
    batch_bytes_max: 1e6,
    pause: () => new Promise((resolve) => pauses.push(resolve)),
  });
  for (let i = 0; i < 20; i++) append(queue);
  assert.equal((await queue.take())?.rows.rows, 20, "nothing was known of the load");
  append(queue);
  const lingering = queue.take();
  assert.equal(pauses.length, 1);
  append(queue);
  pauses.pop()?.();
  assert.equal((await lingering)?.rows.rows, 2);
  append(queue);
  assert.equal((await queue.take())?.rows.rows, 1, "the load is low again");
  assert.equal(pauses.length, 0);
});

Deno.test("IngestQueue.take() by two writers gives each batch to one of them", async () => {
  const queue = queueOf(1_000);
  for (let i = 0; i < 20; i++) append(queue);
  await queue.take();
  append(queue);
  const both = [queue.take(), queue.take()];
  append(queue);
  const first = await both[0];
  append(queue);
  const second = await both[1];
  assert.equal(first?.rows.rows, 2);
  assert.equal(second?.rows.rows, 1);
});
