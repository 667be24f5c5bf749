/** Real commands: their output, their ends, and what is left of them. */
import assert from "node:assert/strict";
import { readUser } from "../../../agent/sources/command_user.ts";
import { childEnvironment } from "../../../agent/sources/environment.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { messageOf, seriesOf, type Sources, sources } from "./source_fixture.ts";

const LONG = { timeout: "1h" };

Deno.test("exec: JSON is read as what a script returns", async () => {
  await using all = await sources({
    exec: {
      one: {
        shell: `echo '{"": 1, "a": {"value": 2, "message": "hm"}, "b": {"c": true}}'`,
        format: "json",
        unit: "s",
        metrics: { c: { kind: "state" } },
        ...LONG,
      },
      bad: { command: ["echo", '{"a": "text"}'], format: "json", ...LONG },
      no_json: { command: ["echo", "12 apples"], format: "json", ...LONG },
      silent: { command: ["true"], format: "json", ...LONG },
    },
  });
  assert.deepEqual(seriesOf(await all.run("one")), {
    "one": 1,
    "one.a": { value: 2, message: "hm" },
    "one.b.c": true,
  });
  const { runner } = all.collector("one");
  assert.deepEqual(runner.metadata("one.b.c")?.kind, "state");
  assert.deepEqual(runner.metadata("one.a")?.unit, "s");
  assert.match(
    messageOf(await all.run("bad")),
    /^returned what cannot be sent: \["bad\.a"\] must be/,
  );
  assert.equal(messageOf(await all.run("no_json")), 'did not print JSON, but "12 apples"');
  assert.equal(messageOf(await all.run("silent")), "did not print JSON, but nothing");
});

Deno.test("exec: a plugin's exit code is its state, and its text is told when it says something new", async () => {
  await using dir = await tempDir();
  await using all = await sources({
    exec: {
      check: {
        shell: `. ${dir.join("now")}; echo "$text | n=$code;1;2"; exit $code`,
        format: "nagios",
        ...LONG,
      },
    },
  });
  const at = async (code: number, text: string) => {
    await Deno.writeTextFile(dir.join("now"), `code=${code} text='${text}'\n`);
    return await all.run("check");
  };
  assert.deepEqual(seriesOf(await at(0, "OK 17 users")), {
    "check": { value: 0, message: "OK 17 users" },
    "check.n": 0,
  });
  assert.deepEqual(seriesOf(await at(0, "OK 18 users")).check, { value: 0 });
  assert.deepEqual(seriesOf(await at(2, "CRITICAL")).check, { value: 2, message: "CRITICAL" });
  assert.deepEqual(seriesOf(await at(2, "CRITICAL")).check, { value: 2, message: "CRITICAL" });
  assert.deepEqual(seriesOf(await at(0, "OK 18 users")).check, {
    value: 0,
    message: "OK 18 users",
  });
  assert.deepEqual(messageOf(await at(4, "what")), "ended with exit code 4");
});

Deno.test("exec: Prometheus text has the names it comes with", async () => {
  await using all = await sources({
    exec: {
      batch: {
        command: ["printf", '# TYPE a counter\na{x="1"} 2\n\na_created 5\n# EOF\n'],
        format: "prometheus",
        prefix: "b_",
        exclude: ["*_created"],
        ...LONG,
      },
      html: { command: ["echo", "<p>"], format: "prometheus", ...LONG },
    },
  });
  assert.deepEqual(seriesOf(await all.run("batch")), { 'b_a{x="1"}': 2 });
  assert.equal(all.collector("batch").runner.metadata('b_a{x="1"}')?.kind, "counter");
  assert.match(
    messageOf(await all.run("html")),
    /^did not print Prometheus text: line 1, column 1/,
  );
});

Deno.test("exec: what goes wrong is said in one line", async () => {
  await using all = await sources({
    exec: {
      missing: { command: ["/no/such"], format: "json", ...LONG },
      folder: { command: ["true"], cwd: "/no/such", format: "json", ...LONG },
      failing: { shell: "echo first >&2; echo last >&2; exit 7", format: "json", ...LONG },
      killed: { shell: "kill -9 $$", format: "nagios", ...LONG },
      endless: { command: ["yes"], format: "json", bytes_max: 1024, ...LONG },
    },
  });
  const messages = Object.fromEntries(
    await Promise.all(
      ["missing", "folder", "failing", "killed", "endless"].map(async (name) =>
        [name, messageOf(await all.run(name))] as const
      ),
    ),
  );
  assert.deepEqual(messages, {
    missing: 'cannot be started: there is no program "/no/such"',
    folder: 'cannot be started: there is no folder "/no/such" to run in',
    failing: "ended with exit code 7: last",
    killed: "was ended by SIGKILL",
    endless: "printed more than bytes_max (1024); it was ended",
  });
});

/** Whether a process is there and does something; one that waits to be reaped is over. */
function isAlive(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

/** The system ends processes in its own time; one that goes on for seconds was not ended. */
async function areOver(pids: readonly string[], all: Sources): Promise<void> {
  for (let look = 0; look < 2_000 && pids.some(isAlive); look++) await all.clock.advance(0);
  const left = pids.filter(isAlive);
  for (const pid of left) Deno.kill(Number(pid), "SIGKILL");
  assert.deepEqual(left, []);
}

/** A shell that tells its own id and its child's, and stays. */
const FAMILY = (file: string) =>
  `sleep 1000 & echo $$ $! > ${file}.new; mv ${file}.new ${file}; wait`;

Deno.test({
  name: "exec: at the deadline a command ends with all its children",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    await using all = await sources({
      exec: { slow: { shell: FAMILY(dir.join("pids")), format: "json", timeout: "5s" } },
    });
    const { runner } = all.collector("slow");
    const outcome = runner.collect({ at_ms: 0, timeout_ms: 5_000 });
    while (!await Deno.stat(dir.join("pids")).catch(() => false)) await all.clock.advance(0);
    const pids = (await Deno.readTextFile(dir.join("pids"))).trim().split(" ");
    assert.deepEqual(pids.map(isAlive), [true, true]);
    await all.clock.advance(4_999);
    assert.deepEqual(pids.map(isAlive), [true, true]);
    await all.clock.advance(1);
    assert.deepEqual(await outcome, {
      kind: "timeout",
      message: "did not finish within 5000 ms",
    });
    await areOver(pids, all);
  },
});

Deno.test({
  name: "exec: a runner that is disposed ends its command, and children that outlive one are ended",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    await using all = await sources({
      exec: {
        slow: { shell: FAMILY(dir.join("slow")), format: "json", ...LONG },
        leaving: {
          shell: `sleep 1000 & echo $! > ${dir.join("left")}; echo 1`,
          format: "json",
          ...LONG,
        },
      },
    });
    assert.deepEqual(seriesOf(await all.run("leaving")), { leaving: 1 });
    const left = (await Deno.readTextFile(dir.join("left"))).trim();
    await areOver([left], all);
    const { runner } = all.collector("slow");
    const outcome = runner.collect({ at_ms: 0, timeout_ms: 3_600_000 });
    while (!await Deno.stat(dir.join("slow")).catch(() => false)) await all.clock.advance(0);
    const pids = (await Deno.readTextFile(dir.join("slow"))).trim().split(" ");
    await runner[Symbol.asyncDispose]();
    assert.equal((await outcome).kind, "lost");
    await areOver(pids, all);
  },
});

Deno.test("exec: only so many commands run at once", async () => {
  await using dir = await tempDir();
  // Each says how many are there; with two slots there are never three.
  const shell = `cd ${dir.path}; mkdir "$$"; ls | wc -l; sleep 0.02; rmdir "$$"`;
  const names = ["a", "b", "c", "d", "e"];
  await using all = await sources({
    commands_at_once: 2,
    exec: Object.fromEntries(
      names.map((name) => [name, { shell, format: "json" as const, ...LONG }]),
    ),
  });
  const counts = await Promise.all(names.map(async (name) => {
    const { runner } = all.collector(name);
    return Number(seriesOf(await runner.collect({ at_ms: 0, timeout_ms: 3_600_000 }))[name]);
  }));
  assert.ok(counts.every((count) => count >= 1 && count <= 2), counts.join());
});

Deno.test("exec: a command that waits for its turn is not waited for when it is no more wanted", async () => {
  await using dir = await tempDir();
  const long = { format: "json" as const, ...LONG };
  await using all = await sources({
    commands_at_once: 1,
    exec: {
      first: { shell: `echo > ${dir.join("begun")}; sleep 1000`, ...long },
      second: { shell: "echo 2", ...long },
      third: { shell: "echo 3", ...long },
    },
  });
  const start = (name: string) =>
    all.collector(name).runner.collect({ at_ms: 0, timeout_ms: 3_600_000 });
  const end = (name: string) => all.collector(name).runner[Symbol.asyncDispose]();
  const first = start("first");
  while (!await Deno.stat(dir.join("begun")).catch(() => false)) await all.clock.advance(0);
  const [second, third] = [start("second"), start("third")];
  await end("second");
  assert.equal((await second).kind, "lost");
  await end("first");
  assert.equal((await first).kind, "lost");
  assert.deepEqual(seriesOf(await third), { third: 3 });
});

Deno.test("exec: a command runs as another user, when the agent is root", async () => {
  const command = ["/bin/sh", "-c", 'echo "{\\"uid\\": $(id -u), \\"groups\\": $(id -G | wc -w)}"'];
  await using all = await sources({
    exec: {
      other: { command, user: "nobody", format: "json", ...LONG },
      missing: { command, user: "no-such", format: "json", ...LONG },
    },
  });
  const outcome = await all.run("other");
  if (Deno.uid() !== 0) {
    return assert.match(messageOf(outcome), /the agent is not root; leave out user$/);
  }
  const nobody = readUser(await Deno.readTextFile("/etc/passwd"), "nobody");
  assert.deepEqual(seriesOf(outcome), { "other.uid": nobody?.uid, "other.groups": 1 });
  assert.match(messageOf(await all.run("missing")), /there is no such user in \/etc\/passwd$/);
});

Deno.test("readUser() finds exactly one name", () => {
  const passwd =
    "root:x:0:0:root:/root:/bin/bash\nmonitor:x:998:997::/var/lib/monitor:/bin/false\n+::\n";
  assert.deepEqual(readUser(passwd, "monitor"), {
    name: "monitor",
    uid: 998,
    gid: 997,
    home: "/var/lib/monitor",
  });
  for (const name of ["", "+", "mon", "x"]) assert.equal(readUser(passwd, name), undefined);
});

Deno.test("childEnvironment() gives what is named, and nothing of the agent's", () => {
  const own: Record<string, string> = { PATH: "/x", MONITOR_AGENT_TOKEN: "secret", PGHOST: "db" };
  assert.deepEqual(childEnvironment(["PGHOST", "MISSING", "A=b=c"], { own: (name) => own[name] }), {
    PATH: "/x",
    LC_ALL: "C",
    PGHOST: "db",
    A: "b=c",
  });
  const user = { name: "nagios", home: "/var/lib/nagios" };
  assert.deepEqual(childEnvironment([], { own: (name) => own[name], user }), {
    PATH: "/x",
    LC_ALL: "C",
    HOME: "/var/lib/nagios",
    USER: "nagios",
    LOGNAME: "nagios",
  });
});
