/**
 * What only the executable can show: that it needs nothing but itself. The other tests of this folder
 * run against it as well (`deno task test:binary`); without it these are left out.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { firstMetrics } from "./first_metrics.ts";
import { monitorCommand, runMonitor, startMonitor, watchMonitor } from "./run_monitor.ts";

const ignore = Deno.env.get("MONITOR_TEST_BINARY") === undefined;

/** What it may weigh, in bytes. */
const SIZE_MAX = 140e6;
/** Any user that is not root. */
const ORDINARY_UID = 65_534;

/** A new machine: no program to be found, an empty home, nothing in the directory. */
async function emptyPlace(dir: TempDir, uid?: number) {
  for (const name of ["home", "work"]) {
    await Deno.mkdir(dir.join(name), { mode: 0o711 });
    if (uid !== undefined) await Deno.chown(dir.join(name), uid, uid);
  }
  return { cwd: dir.join("work"), env: { PATH: "", HOME: dir.join("home") }, uid };
}

Deno.test("the executable is one file of a bearable size", { ignore }, () => {
  const { size } = Deno.statSync(Deno.env.get("MONITOR_TEST_BINARY") ?? "");
  assert.ok(size <= SIZE_MAX, `it has ${size} bytes`);
});

/** As who runs the tests, and when that is root, as an ordinary user, too. */
const USERS = Deno.uid() === 0 ? [undefined, ORDINARY_UID] : [undefined];

for (const uid of USERS) {
  const who = uid === undefined ? "" : " as an ordinary user";
  Deno.test(`the executable alone brings PostgreSQL and serves metrics, again and again${who}`, {
    ignore,
  }, async () => {
    await using dir = await tempDir();
    const place = await emptyPlace(dir, uid);
    const args = ["up", "--port", "0", "--data", `${place.env.HOME}/data`];
    // how long it takes is what deno task bench binary says
    for (let start = 0; start < 2; start++) {
      await using monitor = await startMonitor(args, place);
      await firstMetrics(monitor.url);
    }
    const left = [...Deno.readDirSync(place.cwd), ...Deno.readDirSync(place.env.HOME)];
    assert.deepEqual(left.map(({ name }) => name).filter((name) => name !== "data"), []);
  });
}

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
    assert.match(second.err, /mine: may import nothing but own files/);
  },
);

/** The steps of a first start in their order, and about how long each takes on a busy machine. */
const STEPS: readonly { line: RegExp; kills: number; ms: number }[] = [
  { line: /^unpacking PostgreSQL$/, kills: 6, ms: 1_500 },
  { line: /^creating the database$/, kills: 5, ms: 2_000 },
  { line: /^starting PostgreSQL$/, kills: 3, ms: 300 },
  { line: /^migration 0001_/, kills: 2, ms: 60 },
  { line: /^migration 0003_/, kills: 2, ms: 60 },
  { line: /^reading the newest reports$/, kills: 2, ms: 300 },
];

Deno.test("the executable killed 20 times during its first start always starts the next time", {
  ignore,
}, async () => {
  await using dir = await tempDir();
  const place = await emptyPlace(dir);
  const points: string[] = [];
  for (const { line, kills, ms } of STEPS) {
    let data = "";
    for (let kill = 0; kill < kills; kill++) {
      // a step that is done does not come again
      if (data === "") data = dir.join(`data-${points.length}`);
      const args = ["up", "--port", "0", "--data", data];
      const running = watchMonitor(monitorCommand(args, place).spawn());
      const seen = await running.line(line).then(() => true, () => false);
      assert.ok(seen, `it does not come to ${line} after ${points.join(", ")}:\n${running.err}`);
      const wait_ms = Math.round(Math.random() * ms);
      points.push(`${line} + ${wait_ms} ms`);
      await systemClock.sleep(wait_ms);
      running.kill("SIGKILL");
      await running.ended;
      const done = kill === kills - 1 || await isPast(data, line);
      if (!done) continue;
      await using monitor = await startMonitor(args, place);
      await firstMetrics(monitor.url);
      data = "";
    }
  }
  assert.equal(points.length, 20);
});

/** Whether the step that begins with a line has been carried out in this directory. */
async function isPast(data: string, line: RegExp): Promise<boolean> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(`${data}/postgres`)) names.push(name);
  if (line.test("unpacking PostgreSQL")) return names.some((name) => /^18\.\d/.test(name));
  if (line.test("creating the database")) return names.includes("cluster-18");
  // each of the later ones comes to a database of its own
  return true;
}
