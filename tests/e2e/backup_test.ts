/** `monitor backup` and `restore` as processes: under load, killed, from one kind of place to another. */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { killTree } from "../bench/process_tree.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testDatabase } from "../support/test_database.ts";
import { monitorCommand, runMonitor, startMonitor } from "./run_monitor.ts";
import { keyOf, makeReports, readBack, send, sendUntilTaken, type Sent } from "./senders.ts";

/** Before the backup begins; the last ones are sent when it is done. */
const FIRST = 300;
const LAST = 500;
const POLL_MS = 20;

async function untilTrue(check: () => Promise<boolean>): Promise<void> {
  while (!await check()) await systemClock.sleep(POLL_MS);
}

async function countFiles(path: string): Promise<number> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).length;
  } catch {
    return 0;
  }
}

/** Runs a command and ends it as a power cut would, as soon as `ready` says so. */
async function killWhen(args: string[], ready: () => Promise<boolean>): Promise<boolean> {
  const child = monitorCommand(args).spawn();
  const ended = child.output();
  let over = false;
  void ended.then(() => over = true);
  await untilTrue(async () => over || await ready());
  try {
    child.kill("SIGKILL");
  } catch {
    // it was faster
  }
  return (await ended).signal === "SIGKILL";
}

async function ids(directory: string): Promise<string[]> {
  const { code, out, err } = await runMonitor(["backup", directory, "--list", "--json"]);
  assert.equal(code, 0, err);
  return JSON.parse(out).map(({ id }: { id: string }) => id);
}

Deno.test("restore from a backup taken under load: nothing acknowledged before its point is lost or doubled", async () => {
  await using dir = await tempDir();
  const [data, backups, restored] = [dir.join("data"), dir.join("backups"), dir.join("restored")];
  const now_s = Math.floor(systemClock.now() / 1000);
  const reports = makeReports(now_s);
  const acknowledged = new Map<Sent, number>();
  const started = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  let point = "";
  {
    await using server = await startMonitor(["serve", "--port", "0", "--data", data]);
    const rest = [...reports];
    const sending = Promise.all(Array.from({ length: 10 }, async () => {
      for (let report = rest.pop(); report !== undefined; report = rest.pop()) {
        if (rest.length < LAST) await done.promise;
        await sendUntilTaken(server.url, report);
        acknowledged.set(report, systemClock.now());
        if (acknowledged.size === FIRST) started.resolve();
      }
    }));
    await started.promise;
    // killed in the middle: what it leaves is no backup, and in nobody's way
    await killWhen(
      ["backup", backups, "--data", data],
      async () => await countFiles(`${backups}/data`) > 3,
    );
    const before = await ids(backups);
    const { code, out, err } = await runMonitor(["backup", backups, "--data", data, "--json"]);
    assert.equal(code, 0, err);
    point = JSON.parse(out).point;
    assert.deepEqual((await ids(backups)).slice(0, before.length), before);
    done.resolve();
    await sending;
    await killTree(server.pid);
  }
  const ran = await runMonitor(["restore", backups, "--data", restored]);
  assert.equal(ran.code, 0, ran.err);
  assert.match(ran.out, /^Restored \d+ tables, .* read back and is the same$/m);
  await using server = await startMonitor(["serve", "--port", "0", "--data", restored]);
  const found = await readBack(server.url);
  const in_time = [...acknowledged].filter(([, at_ms]) => at_ms < Date.parse(point));
  assert.ok(in_time.length >= FIRST && in_time.length < reports.length - LAST + 20);
  for (const [report] of in_time) {
    assert.deepEqual(found.get(keyOf(report)), [report.metrics.number], keyOf(report));
  }
  for (const values of found.values()) assert.equal(values.length, 1);
  // everything once more, as spools would send it: what is there changes nothing
  let stored = 0;
  for (let at = 0; at < reports.length; at += 50) {
    const replies = await Promise.all(
      reports.slice(at, at + 50).map((report) => sendUntilTaken(server.url, report)),
    );
    stored += replies.reduce((sum, reply) => sum + reply.stored, 0);
  }
  assert.equal(stored, reports.length - found.size);
  const all = await readBack(server.url);
  assert.equal(all.size, reports.length);
  for (const values of all.values()) assert.equal(values.length, 1);
});

Deno.test("a backup goes from embedded to external and back, killed in between, by file and by pipe", async () => {
  await using dir = await tempDir();
  // by its usual name it would be a server
  await using other = await testDatabase({ empty: true, application_name: "test" });
  const [data, backups, back] = [dir.join("data"), dir.join("backups"), dir.join("back")];
  let exported: string;
  {
    await using server = await startMonitor(["serve", "--port", "0", "--data", data]);
    const at_s = Math.floor(systemClock.now() / 1000) - 60;
    for (let n = 0; n < 20; n++) {
      const report = { hostname: `h${n}`, timestamp: at_s, metrics: { a: n / 3 } };
      assert.ok(await send(server.url, report));
    }
    exported = (await runMonitor(["export", "--host", "h*", "--server", server.url])).out;
    const ran = await runMonitor(["backup", backups, "--data", data]);
    assert.equal(ran.code, 0, ran.err);
    const busy = await runMonitor(["restore", backups, "--data", data]);
    assert.deepEqual([busy.code, busy.out], [1, ""]);
    assert.match(busy.err, /^error: Cannot use data directory .* is running on it$/m);
  }
  const to_other = ["restore", backups, "--database-url", other.url];
  const killed = await killWhen(to_other, async () => {
    const [there] = await other.sql`select to_regclass('monitor_transfer.complete') as name`;
    if (there?.name === null) return false;
    const rows = await other.sql`select from monitor_transfer.complete`.catch(() => []);
    return rows.length > 5;
  });
  // it may have been complete already when it was killed
  const [left] = await other.sql`select to_regclass('monitor_transfer.source') as name`;
  if (killed && left?.name !== null) {
    const early = await runMonitor(["serve", "--port", "0", "--database-url", other.url]);
    assert.equal(early.code, 1);
    assert.match(early.err, /not complete[\s\S]*monitor restore again/);
    const again = await runMonitor(to_other);
    assert.equal(again.code, 0, again.err);
    assert.match(again.out, /^kept +\d+ tables of an earlier attempt$/m);
  }
  const full = await runMonitor(to_other);
  assert.deepEqual([full.code, full.out], [1, ""]);
  assert.match(full.err, /database that is not empty[\s\S]*--force/);
  const piped = await monitorCommand(["backup", "-", "--database-url", other.url]).output();
  assert.equal(piped.code, 0, new TextDecoder().decode(piped.stderr));
  const child = monitorCommand(["restore", "-", "--data", back], { stdin: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const ended = child.output();
  await writer.write(piped.stdout);
  await writer.close();
  const { code, stderr } = await ended;
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const forced = await runMonitor(["restore", backups, "--data", back, "--force"]);
  assert.equal(forced.code, 0, forced.err);
  assert.match(forced.out, /^before +.*before-restore-\d{8}T\d{6}Z has what was there/m);
  await using server = await startMonitor(["serve", "--port", "0", "--data", back]);
  const after = await runMonitor(["export", "--host", "h*", "--server", server.url]);
  assert.equal(after.out, exported);
});

Deno.test("backup --verify and restore see damage, and restore changes nothing then", async () => {
  await using dir = await tempDir();
  await using from = await testDatabase();
  await using to = await testDatabase({ empty: true });
  const backups = dir.join("backups");
  const taken = await runMonitor(["backup", backups, "--database-url", from.url]);
  assert.equal(taken.code, 0, taken.err);
  const whole = await runMonitor(["backup", backups, "--verify"]);
  assert.deepEqual([whole.code, whole.err], [0, ""]);
  const { mode } = await Deno.stat(backups);
  assert.equal((mode ?? 0) & 0o077, 0, "it holds secrets");
  const name = (await Array.fromAsync(Deno.readDir(`${backups}/data`))).map((one) => one.name)
    .find((one) => one.startsWith("migration-")) ?? "";
  const path = `${backups}/data/${name}`;
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await Deno.writeFile(path, bytes);
  const damaged = await runMonitor(["backup", backups, "--verify"]);
  assert.equal(damaged.code, 1);
  assert.match(damaged.out, /migration: The backup is damaged/);
  const refused = await runMonitor(["restore", backups, "--database-url", to.url]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /Cannot restore a damaged backup; nothing was changed/);
  const [there] = await to.sql`select to_regclass('host') as name`;
  assert.equal(there?.name, null);
  const repaired = await runMonitor(
    ["backup", backups, "--full", "--keep", "1", "--database-url", from.url],
  );
  assert.equal(repaired.code, 0, repaired.err);
  assert.equal((await runMonitor(["backup", backups, "--verify"])).code, 0);
  assert.equal((await ids(backups)).length, 1);
});

Deno.test("backup and restore refuse command lines that cannot be meant with exit code 2", async () => {
  for (
    const [args, message] of [
      [["backup"], /missing required argument 'directory'/],
      [["backup", "x", "--keep", "0"], /--keep must be a whole number from 1/],
      [["backup", "x", "--list", "--verify"], /cannot be used together/],
      [["backup", "x", "--verify", "--full"], /cannot be used with/],
      [["backup", "-", "--list"], /need a directory/],
      [["restore", "-", "--backup", "x"], /a stream has one backup/],
    ] as const
  ) {
    const ran = await runMonitor([...args]);
    assert.deepEqual([ran.code, ran.out], [2, ""], ran.err);
    assert.match(ran.err, message);
  }
});
