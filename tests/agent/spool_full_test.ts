/** A spool on a real disk that is full: see tests/support/small_disk.ts. */
import assert from "node:assert/strict";
import { CAN_MOUNT, smallDisk } from "../support/small_disk.ts";
import { tempDir } from "../support/temp_dir.ts";
import { EventLog } from "./event_log.ts";
import { ALL, allStored, drain, fill, openSpool } from "./spool_folder.ts";

const KIB = 1024;

/** Takes the last free byte. */
async function fillDisk(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const bytes = new Uint8Array(64 * KIB);
  for (;;) {
    try {
      if (await file.write(bytes) === 0) return;
    } catch (error) {
      assert.match(String(error), /No space left/);
      return;
    }
  }
}

Deno.test({
  name: "a full disk: the spool goes on in memory, and back to the disk by itself",
  ignore: !CAN_MOUNT,
  fn: async () => {
    await using dir = await tempDir();
    await using _disk = await smallDisk(dir.path, 2 * KIB * KIB);
    const events = new EventLog();
    const path = dir.join("spool");
    const spool = await openSpool(path, { log: events.log });
    await fill(spool, 1, 300, KIB);
    await fillDisk(dir.join("filler"));
    await fill(spool, 301, 320, KIB);
    assert.equal(spool.status().on_disk, false);
    // what is on disk and what is in memory is sent all the same, and makes room
    const batch = await spool.peek({ ...ALL, reports_max: 250 });
    assert.ok(batch);
    await spool.settle(batch, allStored(batch));
    assert.equal(spool.status().waiting, 70);
    await Deno.remove(dir.join("filler"));
    await fill(spool, 321, 321, KIB);
    assert.equal(spool.status().on_disk, true);
    assert.deepEqual(events.messages("info"), [
      "Cannot write to the spool; reports wait in memory",
      "Spool can be written again",
    ]);
    assert.equal(events.events[0]?.reason, "No space left on device");
    await spool.close();
    const again = await openSpool(path);
    assert.deepEqual(await drain(again), Array.from({ length: 71 }, (_, at) => at + 251));
    const { collected, stored, dropped } = again.status();
    assert.deepEqual([collected, stored, dropped.damaged], [321, 321, 0]);
    await again.close();
  },
});

Deno.test({
  name: "a disk that is full at the start: what waits on it is sent all the same",
  ignore: !CAN_MOUNT,
  fn: async () => {
    await using dir = await tempDir();
    await using _disk = await smallDisk(dir.path, 2 * KIB * KIB);
    const path = dir.join("spool");
    const before = await openSpool(path);
    await fill(before, 1, 20, KIB);
    await before.close();
    // The number of the one before, and its room, are gone.
    await Deno.truncate(dir.join("spool/spool.lock"));
    await fillDisk(dir.join("filler"));
    const spool = await openSpool(path);
    assert.deepEqual(await drain(spool), Array.from({ length: 20 }, (_, at) => at + 1));
    await spool.close();
  },
});
