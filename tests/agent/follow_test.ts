/** A whole agent whose files change under it: real files, real watches, time that the test moves. */
import assert from "node:assert/strict";
import { type Agent, startAgent } from "../../agent/agent.ts";
import { approvalFile, writeApprovals } from "../../agent/approval_file.ts";
import { approve } from "../../agent/approvals.ts";
import { agentConfigSchema, agentConfigSource } from "../../agent/config.ts";
import { Follower } from "../../agent/follow.ts";
import { CollectorLoader } from "../../agent/loader.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import { FakeClock } from "../support/fake_clock.ts";
import type { TempDir } from "../support/temp_dir.ts";
import { EventLog, type LogEvent } from "./event_log.ts";
import { scriptFolder } from "./script_folder.ts";

interface Followed extends AsyncDisposable {
  agent: Agent;
  clock: FakeClock;
  events: EventLog;
  names(): string[];
  /** Moves time until the log has this line; the line it waits for may be told only now. */
  until(msg: string, fields?: Record<string, unknown>): Promise<LogEvent>;
}

/** Time that may pass until a change is followed, and the steps it passes in. */
const FOLLOWED_MS_MAX = 2_000;
const STEP_MS = 50;
/** So many that only what will never come has not come; each takes a real millisecond or more. */
const STEPS_MAX = 6_000;

async function follow(
  dir: TempDir,
  settings: Record<string, unknown> = {},
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<Followed> {
  const file = dir.join("agent.json");
  const metrics = [dir.join("metrics")];
  await Deno.mkdir(dir.join("metrics"), { recursive: true });
  await Deno.writeTextFile(
    file,
    JSON.stringify({ shipped: false, metrics, data_dir: dir.join("data"), ...settings }),
  );
  const clock = new FakeClock();
  const events = new EventLog();
  // Nobody listens there: what is collected stays with the agent.
  const overrides = { server: "http://127.0.0.1:9" };
  const source = agentConfigSource({ file, overrides, hostname: () => "vm1" });
  const config = await source.load();
  await meanwhile();
  const agent = await startAgent({ config, source, clock, log: events.log });
  return {
    agent,
    clock,
    events,
    names: () => agent.describe().collectors.map(({ name }) => name),
    until: async (msg, fields = {}) => {
      let found: LogEvent | undefined;
      const wanted = events.until(
        msg,
        (event) => Object.entries(fields).every(([key, value]) => event[key] === value),
      ).then((event) => found = event);
      // The system tells in its own time; ours passes only when there is something to wait for.
      for (let step = 0; found === undefined && step < STEPS_MAX; step++) {
        await clock.advance(STEP_MS);
      }
      if (found !== undefined) return await wanted;
      const told = events.messages("info").slice(-10).join("\n");
      assert.fail(`the log never had "${msg}" ${JSON.stringify(fields)}; its end is:\n${told}`);
    },
    [Symbol.asyncDispose]: async () => {
      const stopped = agent.stop();
      await clock.advance(FOLLOWED_MS_MAX);
      await stopped;
    },
  };
}

const ONE = "export const collect = () => 1;";
const COUNTING = `let runs = 0;
export async function collect(host) { runs += 1; console.log("runs " + runs); return runs; }`;

Deno.test("Agent follows files that come, change and go, and leaves the others alone", async () => {
  await using dir = await scriptFolder({ "metrics/stays.ts": COUNTING, "metrics/changes.ts": ONE });
  await using followed = await follow(dir);
  const { names, until, agent, clock } = followed;
  await until("Collector printed", { message: "runs 1" });
  const [, stays] = agent.describe().collectors;

  await Deno.writeTextFile(dir.join("metrics/new.ts"), ONE);
  await until("Collector is new", { script: "new" });
  assert.deepEqual(names(), ["changes", "new", "stays"]);

  await Deno.writeTextFile(
    dir.join("metrics/changes.ts"),
    'export const collect = () => { console.log("the new one"); return 2; }',
  );
  await until("Collector has changed", { script: "changes" });
  await until("Collector printed", { message: "the new one" });

  await Deno.remove(dir.join("metrics/new.ts"));
  await until("Collector is no more", { script: "new" });
  assert.deepEqual(names(), ["changes", "stays"]);
  assert.equal(agent.describe().collectors[1], stays, "it is the same collector");
  // The next tick is the next run: it was neither started again nor shifted.
  while (clock.now() % 10_000 !== 0) await clock.advance(STEP_MS);
  await until("Collector printed", { message: "runs 2" });
});

Deno.test("Agent follows files that a script imports", async () => {
  await using dir = await scriptFolder({
    "metrics/a.ts": 'import { text } from "./lib/text.ts";\n' +
      "export const collect = () => { console.log(text); return 1; };",
    "metrics/lib/text.ts": 'export const text = "before";',
  });
  await using followed = await follow(dir);
  await followed.until("Collector printed", { message: "before" });
  await Deno.writeTextFile(dir.join("metrics/lib/text.ts"), 'export const text = "after";');
  await followed.until("Collector printed", { message: "after" });
});

Deno.test("Agent goes on with the version before when a file is broken, and says so once", async () => {
  await using dir = await scriptFolder({ "metrics/a.ts": ONE });
  await using followed = await follow(dir);
  const { names, until, events, agent } = followed;
  await Deno.writeTextFile(dir.join("metrics/a.ts"), "export const collect = ( => 1;");
  const goes_on = "Collector goes on as it was; its file cannot be run";
  const told = await until(goes_on, { script: "a" });
  assert.match(String(told.reason), /^is not valid TypeScript/);
  assert.deepEqual(names(), ["a"]);
  assert.deepEqual(agent.describe().rejected.map(({ state, goes_on }) => [state, goes_on]), [
    ["broken", true],
  ]);
  await Deno.writeTextFile(dir.join("metrics/b.ts"), ONE);
  await until("Collector is new", { script: "b" });
  assert.equal(events.events.filter(({ msg }) => msg === goes_on).length, 1);
  await Deno.writeTextFile(dir.join("metrics/a.ts"), `// repaired\n${ONE}`);
  await until("Collector has changed", { script: "a" });
  assert.deepEqual(agent.describe().rejected, []);
});

Deno.test("Agent.reload() reads settings anew, and tells again what is wrong with them", async () => {
  await using dir = await scriptFolder({ "metrics/a.ts": ONE });
  await using followed = await follow(dir);
  const { names, until, events, agent } = followed;
  const refused = "Settings are not taken; those from before hold";
  await Deno.writeTextFile(dir.join("agent.json"), '{"interval": "often"}');
  await until(refused);
  const told = () => events.events.filter(({ msg }) => msg === refused).length;
  assert.equal(told(), 1);
  agent.reload();
  for (let step = 0; told() < 2 && step < STEPS_MAX; step++) await followed.clock.advance(STEP_MS);
  assert.equal(told(), 2);
  assert.deepEqual(names(), ["a"]);
});

Deno.test("Agent runs a script when it is approved, and stops it when that is taken back", async () => {
  const text = 'export const metric = { permissions: { read: ["/etc/hosts"] } };\n' + ONE;
  await using dir = await scriptFolder({ "metrics/a.ts": text });
  await using followed = await follow(dir);
  const { names, until, agent } = followed;
  assert.deepEqual(names(), []);
  assert.match(agent.describe().rejected[0]?.reason ?? "", /run "monitor script approve a"/);
  const file = approvalFile({ data_dir: dir.join("data") });
  const approval = approve({ permissions: { read: ["/etc/hosts"] }, text_hash: "" }, { now_ms: 0 });
  await writeApprovals(file, new Map([["a", approval]]));
  await until("Collector is new", { script: "a" });
  await Deno.writeTextFile(
    dir.join("metrics/a.ts"),
    text.replace("hosts", "passwd"),
  );
  const refused = await until("Collector goes on as it was; its file cannot be run");
  assert.match(
    String(refused.reason),
    /^asks for other permissions than were approved \(read \/etc\/hosts\)/,
  );
  await writeApprovals(file, new Map());
  await until("Collector is no more", { script: "a" });
  assert.deepEqual(names(), []);
});

Deno.test("Agent follows its settings; faults leave those from before, and are told once", async () => {
  await using dir = await scriptFolder({ "metrics/a.ts": ONE, "more/b.ts": ONE });
  await using followed = await follow(dir);
  const { names, until, events, agent } = followed;
  const write = (settings: Record<string, unknown>) =>
    Deno.writeTextFile(
      dir.join("agent.json"),
      JSON.stringify({ shipped: false, data_dir: dir.join("data"), ...settings }),
    );
  const metrics = [dir.join("metrics"), dir.join("more")];
  await write({ metrics, interval: "1m", request_timeout: 7 });
  await until("Settings have changed", { settings: "interval, metrics" });
  await until("Collector is new", { script: "b" });
  await until("Setting holds after a restart of the agent", { setting: "request_timeout" });
  assert.deepEqual(agent.describe().collectors.map(({ every_ms }) => every_ms), [60_000, 60_000]);

  const refused = "Settings are not taken; those from before hold";
  await write({ metrics, interval: "never", shipped: 1 });
  await until(refused);
  const faults = events.events.filter(({ msg }) => msg === refused).map(({ fault }) => fault);
  assert.equal(faults.length, 2);
  assert.match(String(faults[0]), /agent\.json: interval must be between|shipped must be true/);
  assert.deepEqual(names(), ["a", "b"]);

  await write({ metrics: [dir.join("nowhere")], interval: "1m" });
  await until("Collectors are as they were");
  assert.deepEqual(names(), ["a", "b"]);
  await Deno.rename(dir.join("more"), dir.join("nowhere"));
  await until("Collector is no more", { script: "a" });
  assert.deepEqual(names(), ["b"]);
});

Deno.test("Agent takes settings that change while it starts", async () => {
  await using dir = await scriptFolder({ "metrics/a.ts": ONE });
  await using followed = await follow(dir, {}, async () => {
    const file = dir.join("agent.json");
    const settings = JSON.parse(await Deno.readTextFile(file));
    await Deno.writeTextFile(file, JSON.stringify({ ...settings, alias: "second" }));
  });
  await followed.until("Settings have changed", { settings: "alias" });
});

Deno.test({
  name: "Agent: a command that a reload or a stop ends has not failed",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await scriptFolder({});
    await using elsewhere = await scriptFolder({});
    const fifo = elsewhere.join("begun");
    const write = (shell: string) => ({ exec: { slow: { shell, format: "json" } }, timeout: "1h" });
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    await using followed = await follow(dir, write(`echo > ${fifo}; sleep 600`));
    const { agent, clock, events } = followed;
    const begun = async () => {
      let is_begun = false;
      const read = Deno.readTextFile(fifo).then(() => is_begun = true);
      while (!is_begun) await clock.advance(STEP_MS);
      await read;
    };
    await begun();
    const file = dir.join("agent.json");
    const settings = JSON.parse(await Deno.readTextFile(file));
    const another = write(`echo > ${fifo}; exec sleep 600`);
    await Deno.writeTextFile(file, JSON.stringify({ ...settings, ...another }));
    await followed.until("Collector has changed", { script: "slow" });
    await begun();
    assert.equal(agent.totals().script_errors, 0);
    const stopped = agent.stop();
    await clock.advance(FOLLOWED_MS_MAX);
    await stopped;
    assert.equal(agent.totals().script_errors, 0);
    assert.deepEqual(events.messages("warn").filter((msg) => msg === "Collector failed"), []);
  },
});

Deno.test("Agent reads secrets again that came after it was started", async () => {
  const options = 'password: { type: "secret", description: "How to get in" }';
  const text = `export const metric = { options: { ${options} } };\n${ONE}`;
  await using dir = await scriptFolder({ "metrics/a.ts": text });
  const collectors = { a: { password_file: dir.join("password") } };
  await using followed = await follow(dir, { collectors });
  assert.deepEqual(followed.names(), []);
  await Deno.writeTextFile(dir.join("password"), "s3cret");
  await followed.clock.leap(60_000);
  await followed.until("Collector is new", { script: "a" });
  assert.deepEqual(followed.names(), ["a"]);
});

Deno.test("Follower goes on when collectors cannot be loaded, and says why once", async () => {
  await using dir = await scriptFolder({ "metrics/a.ts": ONE });
  const config = agentConfigSchema.parse({
    ...{ hostname: "vm1", shipped: false },
    ...{ metrics: [dir.join("metrics")], data_dir: dir.join("data") },
  });
  const clock = new FakeClock();
  const { log, ...events } = new EventLog();
  await using sandbox = new Sandbox({ host: {}, clock, log });
  const loads: (() => void)[] = [];
  class FailingLoader extends CollectorLoader {
    override load(): Promise<never> {
      loads.shift()?.();
      return Promise.reject(new Error("nobody expects it"));
    }
  }
  using follower = new Follower({
    source: { file: undefined, load: () => Promise.resolve(config) },
    ...{ config, clock, log, loader: new FailingLoader({ sandbox }), onLoaded: () => {} },
  });
  const stop = new AbortController();
  await follower.watch();
  const running = follower.run(stop.signal);
  for (let load = 0; load < 2; load++) {
    let loaded = false;
    loads.push(() => loaded = true);
    await Deno.writeTextFile(dir.join("metrics/a.ts"), `${ONE} // ${load}`);
    for (let step = 0; !loaded && step < STEPS_MAX; step++) await clock.advance(STEP_MS);
    assert.ok(loaded);
  }
  stop.abort();
  await running;
  assert.deepEqual(
    events.events.map(({ msg, reason }) => [msg, reason]),
    [["Collectors are as they were", "Error: nobody expects it"]],
  );
});
