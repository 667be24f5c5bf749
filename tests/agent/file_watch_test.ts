/** Real folders and what the system tells of them; only waiting is on the test's clock. */
import assert from "node:assert/strict";
import { FileWatch, type Watched } from "../../agent/file_watch.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { EventLog } from "./event_log.ts";

/** From when on a change was noticed by looking, where the system tells changes. */
const LOOKED_MS = 30_000;
const STEP_MS = 10;
const STEPS_MAX = 6_000;

interface Watching extends Disposable {
  watch: FileWatch;
  /** Waits for a change; resolves to how much time passed meanwhile. */
  changed(): Promise<number>;
}

async function watching(watched: (dir: TempDir) => Watched[], dir: TempDir): Promise<Watching> {
  const clock = new FakeClock();
  const watch = new FileWatch({ clock, log: new EventLog().log });
  await watch.watch(watched(dir));
  return {
    watch,
    async changed() {
      const begun_ms = clock.now();
      let noticed = false;
      const { signal } = new AbortController();
      const done = watch.changed(signal).then(() => noticed = true);
      for (let step = 0; !noticed && step < STEPS_MAX; step++) await clock.advance(STEP_MS);
      assert.ok(noticed, "the change was never noticed");
      await done;
      return clock.now() - begun_ms;
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** Each is told by the system, and not only seen when the folder is looked at. */
const CHANGES: [string, (dir: TempDir) => Promise<unknown>][] = [
  ["a new file", (dir) => Deno.writeTextFile(dir.join("new.ts"), "1")],
  ["a change", (dir) => Deno.writeTextFile(dir.join("a.ts"), "2")],
  ["a removal", (dir) => Deno.remove(dir.join("a.ts"))],
  ["a file moved into its place", async (dir) => {
    await Deno.writeTextFile(dir.join("a.ts.swap"), "3");
    await Deno.rename(dir.join("a.ts.swap"), dir.join("a.ts"));
  }],
  ["a change further down", (dir) => Deno.writeTextFile(dir.join("lib/b.ts"), "4")],
  ["a new folder", (dir) => Deno.mkdir(dir.join("more"))],
];
for (const [what, change] of CHANGES) {
  Deno.test(`FileWatch.changed() is told of ${what}`, async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.join("lib"));
    for (const name of ["a.ts", "lib/b.ts"]) await Deno.writeTextFile(dir.join(name), "1");
    using watched = await watching(({ path }) => [{ folder: path }], dir);
    await change(dir);
    assert.ok(await watched.changed() < LOOKED_MS);
  });
}

Deno.test("FileWatch.changed() looks at what matters", async () => {
  await using dir = await tempDir();
  const both = ({ path }: TempDir) => [{ folder: path, names: ["agent.json"] }];
  using watched = await watching(both, dir);
  await Deno.writeTextFile(dir.join("other.json"), "1");
  await Deno.writeTextFile(dir.join("agent.json"), "1");
  assert.ok(await watched.changed() < LOOKED_MS);
  const stop = new AbortController();
  const next = watched.watch.changed(stop.signal);
  await Deno.writeTextFile(dir.join("other.json"), "2");
  stop.abort();
  assert.equal(await next, false);
});

Deno.test("FileWatch.changed() finds a folder that was not there within two seconds", async () => {
  await using dir = await tempDir();
  using watched = await watching((dir) => [{ folder: dir.join("later") }], dir);
  await Deno.mkdir(dir.join("later"));
  await Deno.writeTextFile(dir.join("later/a.ts"), "1");
  assert.ok(await watched.changed() <= 2_000);
});

Deno.test("FileWatch.watch() again absorbs no change that is only looked for", async () => {
  await using dir = await tempDir();
  const watched = [{ folder: dir.path, names: ["agent.json"] }];
  const untold = () => {
    throw new Error("not on this filesystem");
  };
  const clock = new FakeClock();
  using watch = new FileWatch({ clock, log: new EventLog().log, watchFs: untold });
  await watch.watch(watched);
  const { signal } = new AbortController();
  const noticed = async () => {
    let is_noticed = false;
    const changed = watch.changed(signal).then(() => is_noticed = true);
    for (let step = 0; !is_noticed && step < STEPS_MAX; step++) await clock.advance(100);
    assert.ok(is_noticed, "the change was never noticed");
    await changed;
  };
  await Deno.writeTextFile(dir.join("agent.json"), "1");
  await noticed();
  // Somebody reads it here; what comes now comes after that.
  await Deno.writeTextFile(dir.join("agent.json"), "22");
  await watch.watch(watched);
  await noticed();
  await Deno.writeTextFile(dir.join("agent.json"), "333");
  await watch.watch([...watched, { folder: dir.join("more") }]);
  await noticed();
});

/** Says how long somebody wanted to sleep. */
class NotingClock extends FakeClock {
  readonly asked_ms: number[] = [];

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.asked_ms.push(ms);
    return super.sleep(ms, signal);
  }
}

Deno.test("FileWatch.changed() waits to be told of a folder to come, where its parent is watched", async () => {
  await using dir = await tempDir();
  const clock = new NotingClock();
  using watch = new FileWatch({ clock, log: new EventLog().log });
  const stop = new AbortController();
  const wait = async (watched: Watched[]) => {
    await watch.watch(watched);
    void watch.changed(stop.signal);
    return clock.asked_ms.at(-1);
  };
  const later = { folder: dir.join("later") };
  const parent = (name: string) => ({ folder: dir.path, names: [name] });
  assert.equal(await wait([later, parent("later")]), LOOKED_MS);
  assert.equal(await wait([later, parent("other")]), 1_500);
  assert.equal(await wait([later]), 1_500);
  stop.abort();
});

Deno.test({
  name: "FileWatch.changed() finds a change behind a link within two seconds",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await tempDir();
    await using elsewhere = await tempDir();
    await Deno.writeTextFile(elsewhere.join("a.ts"), "1");
    await Deno.symlink(elsewhere.join("a.ts"), dir.join("a.ts"));
    using watched = await watching(({ path }) => [{ folder: path }], dir);
    await Deno.writeTextFile(elsewhere.join("a.ts"), "another");
    assert.ok(await watched.changed() <= 2_000);
  },
});

Deno.test("FileWatch.watch() again misses nothing that happens meanwhile", async () => {
  await using dir = await tempDir();
  using watched = await watching(({ path }) => [{ folder: path }], dir);
  const again = watched.watch.watch([{ folder: dir.path }]);
  await Deno.writeTextFile(dir.join("a.ts"), "1");
  await again;
  assert.ok(await watched.changed() < LOOKED_MS);
});

Deno.test("FileWatch looks often from the moment at which the system cannot tell any more", async () => {
  await using dir = await tempDir();
  const clock = new NotingClock();
  const events = new EventLog();
  const full = Promise.withResolvers<void>();
  /** Has no watch left for a folder that comes, as the system says it then. */
  async function* listen(): AsyncIterableIterator<Deno.FsEvent> {
    yield { kind: "access", paths: [dir.path] };
    await full.promise;
    throw new Error("OS file watch limit reached.");
  }
  const watchFs = (): Deno.FsWatcher => ({
    ...{ close() {}, [Symbol.dispose]() {} },
    [Symbol.asyncIterator]: listen,
  });
  using watch = new FileWatch({ clock, log: events.log, watchFs });
  await watch.watch([{ folder: dir.path }]);
  const stop = new AbortController();
  const changed = watch.changed(stop.signal);
  assert.equal(clock.asked_ms.at(-1), LOOKED_MS);
  full.resolve();
  await events.until("Folder is not watched, but looked at");
  // It was in the midst of a change.
  while (clock.asked_ms.length < 2) await clock.advance(0);
  await clock.advance(200);
  assert.equal(await changed, true);
  void watch.changed(stop.signal);
  assert.equal(clock.asked_ms.at(-1), 1_500);
  stop.abort();
});
