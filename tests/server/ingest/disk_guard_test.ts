/** Refusing reports before the disk is full. */
import assert from "node:assert/strict";
import { createLogger } from "../../../log.ts";
import {
  DiskFullError,
  DiskGuard,
  type DiskSpace,
  isNearlyFull,
  reserveBytes,
} from "../../../server/ingest/disk_guard.ts";
import { IngestQueue } from "../../../server/ingest/queue.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

Deno.test("reserveBytes() is a share of the disk, within bounds", () => {
  assert.equal(reserveBytes(100 * MIB), 64 * MIB);
  assert.equal(reserveBytes(10 * GIB), 512 * MIB);
  assert.equal(reserveBytes(1_000 * GIB), GIB);
});

Deno.test("isNearlyFull() resumes only with some room more than it stopped at", () => {
  const reserve_bytes = 100;
  assert.equal(isNearlyFull(100, { reserve_bytes, refused: false }), false);
  assert.equal(isNearlyFull(99, { reserve_bytes, refused: false }), true);
  assert.equal(isNearlyFull(124, { reserve_bytes, refused: true }), true);
  assert.equal(isNearlyFull(125, { reserve_bytes, refused: true }), false);
});

Deno.test("DiskGuard closes the queue while the disk is nearly full, and says so once", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format: "text",
    now: clock.now.bind(clock),
    write: (line) => lines.push(line),
  });
  let space: DiskSpace | undefined = { free_bytes: GIB, size_bytes: 10 * GIB };
  const guard = new DiskGuard({
    data_dir: "/data",
    clock,
    log,
    look: () => space === undefined ? Promise.reject(new Error("gone")) : Promise.resolve(space),
  });
  const queue = new IngestQueue({
    bytes_max: MIB,
    batch_bytes_max: MIB,
    requireRoom: guard.requireRoom,
  });
  const stop = new AbortController();
  const watched = guard.run(stop.signal);
  await clock.advance(0);
  queue.open();

  space = { free_bytes: 500 * MIB, size_bytes: 10 * GIB };
  await clock.advance(5_000);
  assert.throws(() => queue.open(), (error) => {
    assert(error instanceof DiskFullError);
    assert.equal(error.name, "QueueFullError");
    assert.equal(error.retry_after_s, 10);
    assert.match(error.message, /disk is nearly full, 524288000 bytes are free/);
    return true;
  });
  // not known is neither full nor free
  space = undefined;
  await clock.advance(5_000);
  assert.throws(() => queue.open(), DiskFullError);
  space = { free_bytes: GIB, size_bytes: 10 * GIB };
  await clock.advance(5_000);
  queue.open();

  stop.abort();
  await watched;
  const told = lines.map((line) => /(nearly full|not known|has room)/.exec(line)?.[1]);
  assert.deepEqual(told, ["nearly full", "not known", "has room"]);
});
