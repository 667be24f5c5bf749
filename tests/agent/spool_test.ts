/** The spool on a real directory. How it takes kills at any byte: spool_model_test.ts. */
import assert from "node:assert/strict";
import { Spool } from "../../agent/spool.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import { EventLog } from "./event_log.ts";
import {
  ALL,
  allStored,
  copySpool,
  DAY_MS,
  drain,
  fill,
  numbersOf,
  openSpool,
  reportOf,
  segmentSizes,
} from "./spool_folder.ts";

const KIB = 1024;

async function numbers(spool: Spool, options: Partial<Parameters<Spool["peek"]>[0]> = {}) {
  return numbersOf(await spool.peek({ ...ALL, ...options }));
}

Deno.test("Spool.peek() gives the oldest within both limits, and at least one", async () => {
  const spool = await openSpool(undefined);
  await fill(spool, 1, 5);
  assert.deepEqual(await numbers(spool), [1, 2, 3, 4, 5]);
  assert.deepEqual(await numbers(spool, { reports_max: 2 }), [1, 2]);
  assert.deepEqual(await numbers(spool, { bytes_max: 350 }), [1, 2, 3]);
  assert.deepEqual(await numbers(spool, { bytes_max: 1 }), [1]);
  assert.deepEqual(await numbers(spool, { after: 3 }), [4, 5]);
  assert.deepEqual(await numbers(spool, { after: 5 }), []);
  assert.equal((await spool.peek({ ...ALL, reports_max: 2 }))?.rest, 3);
});

Deno.test("Spool gives another process what waits, as it was, and not what is settled", async () => {
  await using dir = await tempDir();
  {
    const spool = await openSpool(dir.path);
    await fill(spool, 1, 9);
    const batch = await spool.peek({ ...ALL, reports_max: 4 });
    assert.ok(batch);
    await spool.settle(batch, { stored: 2, duplicate: 1, refused: 1, samples: 9 });
    await spool.close();
  }
  const spool = await openSpool(dir.path);
  const { collected, stored, duplicate, refused, samples, waiting } = spool.status();
  assert.deepEqual({ collected, stored, duplicate, refused, samples, waiting }, {
    ...{ collected: 9, stored: 2, duplicate: 1, refused: 1 },
    ...{ samples: 9, waiting: 5 },
  });
  const batch = await spool.peek(ALL);
  assert.deepEqual(batch?.entries.map(({ seq, ...entry }) => ({ ...entry, number: seq })), [
    ...[5, 6, 7, 8, 9].map((number) => ({ ...reportOf(number), number })),
  ]);
  await spool.close();
});

Deno.test("Spool: a kill after an answer was noted costs one request at most", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.join("a"));
  await fill(spool, 1, 6);
  const waiting: number[][] = [];
  for (let request = 0; request < 3; request++) {
    const batch = await spool.peek({ ...ALL, reports_max: 2 });
    assert.ok(batch);
    await spool.settle(batch, allStored(batch));
    await copySpool(dir.join("a"), dir.join(`b${request}`));
    const killed = await openSpool(dir.join(`b${request}`));
    waiting.push(await numbers(killed));
    await killed.close();
  }
  assert.deepEqual(waiting, [[1, 2, 3, 4, 5, 6], [5, 6], [5, 6]]);
  await spool.close();
});

Deno.test("Spool writes nothing but the reports while the server answers", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.path);
  const text_bytes = 1_000;
  let bytes = 0;
  for (let number = 1; number <= 100; number++) {
    await fill(spool, number, number, text_bytes);
    const batch = await spool.peek(ALL);
    assert.ok(batch);
    await spool.settle(batch, allStored(batch));
    bytes = Math.max(bytes, spool.status().bytes);
  }
  // 32 bytes around each report, and the state in front of it
  assert.ok(bytes < 100 * (text_bytes + 300), `${bytes} bytes`);
  assert.equal((await segmentSizes(dir.path)).size, 1);
  await spool.close();
});

Deno.test("Spool gives its disk back once everything was sent", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.path);
  await fill(spool, 1, 40, 100 * KIB);
  assert.ok((await segmentSizes(dir.path)).size >= 4);
  assert.deepEqual((await drain(spool)).length, 40);
  const sizes = [...(await segmentSizes(dir.path)).values()];
  assert.deepEqual([sizes.length, (sizes[0] ?? 0) < KIB], [1, true], `${sizes}`);
  assert.equal(spool.status().bytes, sizes[0]);
  await spool.close();
});

Deno.test("Spool: a kill after a segment was removed takes nothing of it for lost", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.join("a"));
  await fill(spool, 1, 40, 100 * KIB);
  const before = (await segmentSizes(dir.join("a"))).size;
  const batch = await spool.peek({ ...ALL, bytes_max: 2 * KIB * KIB });
  assert.ok(batch);
  await spool.settle(batch, allStored(batch));
  assert.equal((await segmentSizes(dir.join("a"))).size, before - 1);
  await copySpool(dir.join("a"), dir.join("b"));
  await spool.close();
  const killed = await openSpool(dir.join("b"));
  const { stored, waiting, dropped } = killed.status();
  assert.deepEqual([stored, stored + waiting, dropped.damaged], [batch.entries.length, 40, 0]);
  await killed.close();
});

Deno.test("Spool drops the oldest when it is full, and counts reports and samples", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.path, { bytes_max: 64 * KIB });
  await fill(spool, 1, 200, KIB);
  const { dropped, samples_dropped, waiting, bytes } = spool.status();
  assert.ok(bytes <= 64 * KIB, `${bytes} bytes`);
  assert.ok(dropped.full > 130 && dropped.full < 150, `${dropped.full} dropped`);
  assert.deepEqual([dropped.full + waiting, samples_dropped], [200, 3 * dropped.full]);
  await spool.close();
  const again = await openSpool(dir.path);
  const left = Array.from({ length: waiting }, (_, at) => dropped.full + 1 + at);
  assert.deepEqual(await drain(again), left);
  await again.close();
});

Deno.test("Spool drops nothing that a request is carrying", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.path, { bytes_max: 64 * KIB });
  await fill(spool, 1, 20, KIB);
  const batch = await spool.peek({ ...ALL, reports_max: 1 });
  assert.ok(batch);
  await fill(spool, 21, 100, KIB);
  assert.ok(spool.status().dropped.full > 0);
  await spool.settle(batch, allStored(batch));
  const { stored, waiting, dropped } = spool.status();
  assert.deepEqual([stored, stored + waiting + dropped.full], [1, 100]);
  await spool.close();
});

Deno.test("Spool gives up reports that are too old", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock();
  const events = new EventLog();
  const spool = await openSpool(dir.path, { clock, age_ms_max: DAY_MS, log: events.log });
  for (let hour = 0; hour < 48; hour++) {
    await spool.append({ at_ms: clock.now(), samples: 1, text: `hour ${hour}` });
    await clock.advance(3_600_000);
  }
  const { dropped, waiting, oldest_at_ms } = spool.status();
  assert.deepEqual([dropped.age + waiting, dropped.full], [48, 0]);
  assert.ok(waiting >= 24 && waiting <= 27, `${waiting} wait`);
  assert.ok(clock.now() - (oldest_at_ms ?? 0) <= DAY_MS * 1.1);
  assert.deepEqual(events.messages("warn"), ["Reports are dropped before they were sent"]);
  await spool.close();
});

Deno.test("Spool: a damaged record is passed over and counted, its neighbours are sent", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.path);
  await fill(spool, 1, 9, 100);
  await spool.close();
  const [name = ""] = (await segmentSizes(dir.path)).keys();
  const bytes = await Deno.readFile(dir.join(name));
  const at = new TextDecoder("latin1").decode(bytes).indexOf("report 5 ");
  bytes[at + 20] = 0;
  await Deno.writeFile(dir.join(name), bytes);
  const events = new EventLog();
  const again = await openSpool(dir.path, { log: events.log });
  assert.deepEqual(events.messages("warn"), ["Spool was damaged; some reports are lost"]);
  assert.deepEqual(again.status().dropped, { full: 0, age: 0, damaged: 1 });
  assert.deepEqual(await drain(again), [1, 2, 3, 4, 6, 7, 8, 9]);
  await again.close();
});

Deno.test("Spool: a segment that vanishes while it waits is counted, the rest is sent", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.path, { bytes_max: KIB * KIB });
  await fill(spool, 1, 600, KIB);
  const names = [...(await segmentSizes(dir.path)).keys()];
  await Deno.remove(dir.join(names[1] ?? ""));
  const sent = await drain(spool);
  const { dropped, stored } = spool.status();
  assert.ok(dropped.damaged >= 50 && dropped.damaged < 70, `${dropped.damaged} lost`);
  assert.deepEqual([sent.length, dropped.damaged + stored], [stored, 600]);
  assert.deepEqual(sent, sent.toSorted((a, b) => a - b));
  await spool.close();
});

Deno.test("Spool.open() refuses a directory that another one has, with its process", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.path);
  await assert.rejects(openSpool(dir.path), {
    name: "SpoolInUse",
    message: `Cannot use the spool "${dir.path}": another agent, process ${Deno.pid}, uses it`,
    hint: "Stop that agent, or give this one a directory of its own: --data DIR or spool.dir",
  });
  await spool.close();
  await (await openSpool(dir.path)).close();
});

Deno.test("Spool: where the directory cannot be made, reports wait in memory, told once", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("file"), "");
  const events = new EventLog();
  const spool = await openSpool(dir.join("file", "spool"), { log: events.log });
  await fill(spool, 1, 3);
  assert.equal(spool.status().on_disk, false);
  assert.deepEqual(await drain(spool), [1, 2, 3]);
  assert.deepEqual(events.messages("info"), ["Cannot use the spool; reports wait in memory only"]);
  await spool.close();
});

Deno.test("Spool goes on in memory while the disk cannot be written, and recovers by itself", async () => {
  await using dir = await tempDir();
  const path = dir.join("spool");
  const events = new EventLog();
  const spool = await openSpool(path, { bytes_max: 64 * KIB, log: events.log });
  await fill(spool, 1, 3, KIB);
  // a file where the directory was: no new segment can be made there, by no user
  await Deno.remove(path, { recursive: true });
  await Deno.writeTextFile(path, "");
  await fill(spool, 4, 20, KIB);
  assert.equal(spool.status().on_disk, false);
  const batch = await spool.peek({ ...ALL, reports_max: 5 });
  assert.ok(batch);
  await spool.settle(batch, allStored(batch));
  await Deno.remove(path);
  await fill(spool, 21, 21, KIB);
  assert.equal(spool.status().on_disk, true);
  assert.deepEqual(events.messages("info"), [
    "Cannot write to the spool; reports wait in memory",
    "Spool can be written again",
  ]);
  await spool.close();
  const again = await openSpool(path);
  assert.deepEqual(await drain(again), Array.from({ length: 16 }, (_, at) => at + 6));
  const { collected, stored } = again.status();
  assert.deepEqual([collected, stored], [21, 21]);
  await again.close();
});

Deno.test("Spool leaves alone what a newer program has written", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("00000001.spool"), "MSPOOL2\nwhatever that is");
  const events = new EventLog();
  const spool = await openSpool(dir.path, { log: events.log });
  await fill(spool, 1, 2);
  assert.match(String(events.events[0]?.reason), /written by a newer version/);
  assert.deepEqual(await drain(spool), [1, 2]);
  await spool.close();
  assert.deepEqual([...(await segmentSizes(dir.path)).values()], [24]);
});

Deno.test("Spool in memory drops the oldest when it is full, but keeps one that is too big", async () => {
  const spool = await openSpool(undefined, { bytes_max: 1_000 });
  await fill(spool, 1, 20, 136);
  assert.deepEqual(await numbers(spool), [16, 17, 18, 19, 20]);
  const { dropped, samples_dropped } = spool.status();
  assert.deepEqual([dropped.full, samples_dropped], [15, 45]);
  const big = await openSpool(undefined, { bytes_max: 10 });
  await fill(big, 1, 1);
  assert.deepEqual(await drain(big), [1]);
});
