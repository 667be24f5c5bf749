/**
 * A real disk that fills up under a real server: a filesystem in memory, mounted for this test, which
 * only root may do (.ci/skipped says so).
 */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { CAN_MOUNT, fillDisk, smallDisk } from "../support/small_disk.ts";
import { tempDir } from "../support/temp_dir.ts";
import { startMonitor } from "./run_monitor.ts";

const SIZE_BYTES = 400 * 1024 * 1024;
const RESERVE_BYTES = 64 * 1024 * 1024;
/** Between two looks at whether something has happened. */
const LOOK_MS = 100;

Deno.test({
  name:
    "a full disk: reports are refused, history is read, nothing is lost, and it goes on by itself",
  ignore: !CAN_MOUNT,
  fn: async () => {
    await using dir = await tempDir();
    await using _disk = await smallDisk(dir.path, SIZE_BYTES);
    await using monitor = await startMonitor(["serve", "--port", "0", "--data", dir.join("data")], {
      env: { MONITOR_INGEST_DISK_RESERVE_BYTES: String(RESERVE_BYTES) },
    });
    const filler = dir.join("filler");
    const start_s = Math.floor(systemClock.now() / 1000) - 1_000;
    const stored: number[] = [];
    let next_s = start_s;
    const send = async () => {
      const timestamp = next_s++;
      const response = await fetch(`${monitor.url}/metrics`, {
        method: "POST",
        body: JSON.stringify({ hostname: "a", timestamp, metrics: { x: timestamp } }),
      });
      const text = await response.text();
      if (response.status === 200) stored.push(timestamp);
      else {
        assert.equal(response.status, 503);
        assert.match(text, /disk is nearly full/);
        assert.equal(response.headers.get("retry-after"), "10");
      }
      return response.status;
    };
    const until = async (status: number) => {
      while (await send() !== status) await systemClock.sleep(LOOK_MS);
    };
    const history = async () => {
      const answer = await fetch(`${monitor.url}/fetch/history/a/x?start=${start_s}&limit=9999`);
      assert.equal(answer.status, 200);
      const pairs: [number, number][] = await answer.json();
      return pairs.map(([at_s]) => at_s).reverse();
    };

    for (let i = 0; i < 50; i++) assert.equal(await send(), 200);
    await fillDisk(filler);
    await until(503);
    assert.deepEqual(await history(), stored);
    await Deno.remove(filler);
    await until(200);
    for (let i = 0; i < 50; i++) assert.equal(await send(), 200);
    assert.deepEqual(await history(), stored);
  },
});
