/**
 * What only the executable can show: that it needs nothing but itself. The other tests of this folder
 * run against it as well (`deno task test:binary`); without it these are left out.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { firstMetrics } from "./first_metrics.ts";
import { monitorCommand, runMonitor, startMonitor } from "./run_monitor.ts";

const ignore = Deno.env.get("MONITOR_TEST_BINARY") === undefined;

/** On a free machine the first metrics are there in 4 s and 0.6 s; tests share theirs. */
const FIRST_START_MS_MAX = 20_000;
const NEXT_START_MS_MAX = 6_000;

/** Kills spread over the whole first start: unpacking, initdb, migrations. */
const KILLS = 6;
const KILLED_AFTER_MS = 400;

/** A new machine: no program to be found, an empty home, nothing in the directory. */
async function emptyPlace(dir: TempDir) {
  for (const name of ["home", "work"]) await Deno.mkdir(dir.join(name), { mode: 0o711 });
  return { cwd: dir.join("work"), env: { PATH: "", HOME: dir.join("home") } };
}

Deno.test("the executable alone brings PostgreSQL and serves metrics, again and again", {
  ignore,
}, async () => {
  await using dir = await tempDir();
  const place = await emptyPlace(dir);
  const args = ["up", "--port", "0", "--data", dir.join("data")];
  for (const ms_max of [FIRST_START_MS_MAX, NEXT_START_MS_MAX]) {
    const begun_ms = performance.now();
    await using monitor = await startMonitor(args, place);
    const metrics = await firstMetrics(monitor.url);
    const took_ms = performance.now() - begun_ms;
    assert.ok("cpu_usage" in metrics);
    assert.ok(took_ms < ms_max, `it took ${took_ms} ms`);
  }
  assert.deepEqual([...Deno.readDirSync(place.cwd), ...Deno.readDirSync(dir.join("home"))], []);
});

Deno.test(
  "the executable runs collectors written after it, and holds them",
  { ignore },
  async () => {
    await using dir = await tempDir();
    const place = await emptyPlace(dir);
    await Deno.mkdir(`${place.cwd}/metrics`);
    const collector = `
    interface Attempt { (): unknown }
    const fails = (attempt: Attempt): number => { try { attempt(); return 0; } catch { return 1; } };
    export const collect = () => ({
      no_file: fails(() => Deno.readTextFileSync("/etc/hostname")),
      no_program: fails(() => new Deno.Command("/bin/true").outputSync()),
      no_eval: fails(() => (0, eval)("1")),
      no_function: fails(() => new Function("return 1")()),
    });`;
    await Deno.writeTextFile(`${place.cwd}/metrics/mine.ts`, collector);
    const { code, out, err } = await runMonitor(["agent", "--once", "--json"], place);
    assert.equal(code, 0, err);
    for (const name of ["no_file", "no_program", "no_eval", "no_function"]) {
      assert.match(out, new RegExp(`"mine\\.${name}"[^}]*\\b1\\b`), out);
    }
    // the text of this file would be JSON: an import of it is not asked for permission
    await Deno.writeTextFile(
      `${place.cwd}/metrics/mine.ts`,
      'export const collect = async () => (await import("/etc/hostname")).default;',
    );
    const second = await runMonitor(["agent", "--once"], place);
    assert.match(second.err, /mine: must be one file without imports/);
  },
);

Deno.test("the executable killed during its first start goes on from there", {
  ignore,
}, async () => {
  await using dir = await tempDir();
  const place = await emptyPlace(dir);
  const args = ["up", "--port", "0", "--data", dir.join("data")];
  for (let kill = 1; kill <= KILLS; kill++) {
    const child = monitorCommand(args, place).spawn();
    await systemClock.sleep(KILLED_AFTER_MS * kill);
    child.kill("SIGKILL");
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    await child.status;
  }
  await using monitor = await startMonitor(args, place);
  assert.ok("cpu_usage" in await firstMetrics(monitor.url));
});
