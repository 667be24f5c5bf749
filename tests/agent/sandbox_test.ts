/** Real Workers; only the deadlines run on a clock of the test. */
import assert from "node:assert/strict";
import { createHostMethods, type HostMethods } from "../../agent/host.ts";
import type { PermissionSet } from "../../agent/permissions.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import type { Answer } from "../../agent/sandbox_cell.ts";
import type { ScriptOrigin } from "../../agent/scripts.ts";
import { systemClock } from "../../clock.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import { EventLog } from "./event_log.ts";

interface Setup extends AsyncDisposable {
  sandbox: Sandbox;
  clock: FakeClock;
  events: EventLog;
  admit(name: string, text: string, permissions?: PermissionSet, origin?: ScriptOrigin): void;
  run(name: string, timeout_ms?: number): Promise<Answer>;
}

function setup(host: HostMethods = {}): Setup {
  const clock = new FakeClock();
  const events = new EventLog();
  const sandbox = new Sandbox({ host, clock, log: events.log });
  return {
    sandbox,
    clock,
    events,
    admit: (name, text, permissions = {}, origin = "user") =>
      sandbox.admit({ name, origin, text }, permissions),
    run: (name, timeout_ms = 5_000) => sandbox.collect(name, timeout_ms),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

/** The message of an answer that is no result. */
function failure(answer: Answer): string {
  assert.notEqual(answer.kind, "done", `it succeeded: ${JSON.stringify(answer)}`);
  return answer.kind === "done" ? "" : answer.message;
}

const done = (value: unknown): Answer => ({ kind: "done", json: JSON.stringify(value) });

Deno.test("Sandbox.collect() answers what collect() returns, now or later", async () => {
  await using box = setup();
  box.admit("now", "export function collect() { return 12.5; }");
  box.admit("later", "export async function collect() { return { a: { b: null } }; }");
  box.admit("counts", "let n = 0; export const collect = () => ++n;");
  assert.deepEqual(await box.run("now"), done(12.5));
  assert.deepEqual(await box.run("later"), done({ a: { b: null } }));
  assert.deepEqual(await box.run("counts"), done(1));
  assert.deepEqual(await box.run("counts"), done(2), "it is not loaded again for every run");
});

Deno.test("Sandbox.inspect() answers the metric export, and runs without any permission", async () => {
  await using box = setup();
  const inspect = (text: string) => box.sandbox.inspect({ name: "x", origin: "user", text });
  const collect = "export const collect = () => 1;";
  assert.deepEqual(
    await inspect(
      `export const metric = { every: "30s", permissions: { read: true } }; ${collect}`,
    ),
    done({ every: "30s", permissions: { read: true } }),
  );
  assert.deepEqual(await inspect(collect), { kind: "done", json: undefined });
  assert.match(failure(await inspect("export const metric = {};")), /must export a function/);
  assert.match(failure(await inspect('Deno.readTextFileSync("/etc/hosts");')), /NotCapable/);
  assert.match(failure(await inspect("this is no program")), /SyntaxError|could not be parsed/);
});

const DENIED: Record<string, string> = {
  "reading a file": 'Deno.readTextFileSync("/etc/hosts")',
  "writing a file": 'Deno.writeTextFileSync("/tmp/monitor-test-denied", "")',
  "connecting": 'await Deno.connect({ hostname: "127.0.0.1", port: 1 })',
  "fetching": 'await fetch("http://127.0.0.1:9999/")',
  "fetching a file": 'await fetch("file:///etc/hosts")',
  "listening": "Deno.listen({ port: 0 })",
  "the environment": 'Deno.env.get("HOME")',
  "running a program": 'new Deno.Command("/bin/true").outputSync()',
  "loading a library": 'Deno.dlopen("libc.so.6", {})',
  "facts about the system": "Deno.hostname()",
  "asking for more":
    'if ((await Deno.permissions.request({ name: "read" })).state !== "granted") ' +
    'throw new Error("NotCapable")',
};

for (const [what, code] of Object.entries(DENIED)) {
  Deno.test(`Sandbox denies ${what} to a script that declared nothing`, async () => {
    await using box = setup();
    box.admit("x", `export async function collect() { ${code}; return 1; }`);
    assert.match(
      failure(await box.run("x")),
      /NotCapable|PermissionDenied|not implemented|scheme|not for collectors/i,
    );
  });
}

Deno.test("Sandbox grants exactly what a script declared, and not to its neighbour", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("value"), "7");
  await Deno.writeTextFile(dir.join("secret"), "8");
  await using box = setup();
  const reader = (file: string) =>
    `export const collect = () => Number(Deno.readTextFileSync(${
      JSON.stringify(dir.join(file))
    }));`;
  const read = [dir.join("value")];
  box.admit("granted", reader("value"), { read });
  box.admit("greedy", reader("secret"), { read });
  box.admit("neighbour", reader("value"));
  assert.deepEqual(await box.run("granted"), done(7));
  assert.match(
    failure(await box.run("greedy")),
    /NotCapable.*; declare it under permissions\.read/,
  );
  assert.match(failure(await box.run("neighbour")), /NotCapable/);
});

Deno.test("Sandbox lets a script fetch what it may connect to, by whatever it names it", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => new Response(`${request.method} ${await request.text()}`),
  );
  const { port } = server.addr;
  await using box = setup();
  box.admit(
    "fetches",
    `const url = "http://127.0.0.1:${port}/";
    const said = async (...values) => (await fetch(...values)).text();
    export const collect = async () => ({
      text: await said(url), url: await said(new URL(url), { method: "POST", body: "a" }),
      request: await said(new Request(url, { method: "PUT", body: "b" })),
      both: await said(new Request(url, { method: "PUT", body: "b" }), { body: "c" }),
    });`,
    { net: [`127.0.0.1:${port}`] },
  );
  const said = { text: "GET ", url: "POST a", request: "PUT b", both: "PUT c" };
  assert.deepEqual(await box.run("fetches"), done(said));
});

Deno.test("Sandbox keeps Workers from being made, ended or spoken for by scripts", async () => {
  await using box = setup();
  box.admit("nested", 'export const collect = () => new Worker("data:text/javascript,");');
  box.admit("exits", "export const collect = () => Deno.exit(0);");
  box.admit("closes", "export const collect = () => self.close();");
  box.admit("forges", "export const collect = () => self.postMessage({});");
  box.admit("good", "export const collect = () => 1;");
  for (const name of ["nested", "exits", "closes", "forges"]) failure(await box.run(name));
  assert.deepEqual(await box.run("good"), done(1));
  assert.equal(box.sandbox.workers, 1);
});

Deno.test("Sandbox shares one Worker between scripts of equal permissions", async () => {
  await using box = setup();
  const one = "export const collect = () => 1;";
  box.admit("a", one);
  box.admit("b", one, { net: [] });
  box.admit("c", one, { net: ["b:1", "a:1"] });
  box.admit("d", one, { net: ["a:1", "b:1"] });
  box.admit("shipped", one, {}, "shipped");
  for (const name of ["a", "b", "c", "d", "shipped"]) {
    assert.deepEqual(await box.run(name), done(1));
  }
  assert.equal(box.sandbox.workers, 3);
});

Deno.test("Sandbox.trim() ends Workers that were only needed to look at scripts", async () => {
  await using box = setup();
  const script = { name: "x", origin: "user" as const, text: "export const collect = () => 1;" };
  await box.sandbox.inspect(script);
  assert.equal(box.sandbox.workers, 1);
  box.sandbox.admit(script, { net: true });
  box.sandbox.trim();
  assert.equal(box.sandbox.workers, 0);
  assert.deepEqual(await box.run("x"), done(1));
});

/**
 * Waits for the answer, and moves the clock while a loop is at work, which says so as it begins: what
 * starts, loads or answers takes real time only.
 */
async function elapse<T>(box: Setup, answer: Promise<T>): Promise<T> {
  let open = true;
  void answer.finally(() => open = false).catch(() => {});
  const begun = () => box.events.events.filter(({ msg }) => msg === "Collector printed").length;
  for (; open; await systemClock.sleep(2)) {
    if (begun() > box.sandbox.processNumbers().ended) await box.clock.advance(100);
  }
  return await answer;
}

const LOOP = 'export const collect = () => { console.log("looping"); for (;;); };';
const LOOP_TEXT = "kept its thread busy past its deadline, as an endless loop does";

Deno.test("Sandbox ends an endless loop with its process, and asks its victims again", async () => {
  await using box = setup();
  box.admit("loop", LOOP);
  box.admit("victim", "let n = 0; export const collect = () => ++n;");
  assert.deepEqual(await box.run("victim"), done(1));
  const loop = box.run("loop");
  await box.events.until("Collector printed");
  const victim = box.run("victim", 1_000);
  assert.deepEqual(
    await elapse(box, victim),
    done(1),
    "in a new process it counts from the beginning",
  );
  assert.deepEqual(await elapse(box, loop), { kind: "stuck", message: LOOP_TEXT });
  assert.equal(box.sandbox.processes, 1);
});

Deno.test("Sandbox gives a script up that had to be ended three times", async () => {
  await using box = setup();
  box.admit("loop", LOOP);
  const kinds: string[] = [];
  for (let run = 0; run < 4; run++) kinds.push((await elapse(box, box.run("loop", 200))).kind);
  assert.deepEqual(kinds, ["stuck", "stuck", "failed", "failed"]);
  assert.equal(
    failure(await box.run("loop")),
    `${LOOP_TEXT}; it is not run again until its file has changed`,
  );
  assert.deepEqual(box.events.messages("warn"), [
    "Collector runs alone from now on",
    "Collector is given up",
  ]);
  assert.equal(box.sandbox.processes, 0);
  box.admit("loop", "export const collect = () => 1;");
  assert.deepEqual(await box.run("loop"), done(1), "its file has changed");
});

Deno.test("Sandbox tries whoever had the turn alone, before it holds anything against it", async () => {
  await using box = setup();
  box.admit(
    "leaves",
    `export const collect = () => {
      setTimeout(() => { console.log("looping"); for (;;); }, 1);
      return 1;
    };`,
  );
  box.admit("good", "export const collect = () => 2;");
  await elapse(box, box.run("leaves"));
  for (let run = 0; run < 3; run++) {
    assert.deepEqual(await elapse(box, box.run("good", 300)), done(2));
  }
});

Deno.test("Sandbox answers for an endless loop while a script is loaded", async () => {
  await using box = setup();
  const text = 'console.log("looping"); for (;;); export const collect = () => 1;';
  const answer = await elapse(box, box.sandbox.inspect({ name: "x", origin: "user", text }));
  assert.deepEqual(answer, { kind: "stuck", message: LOOP_TEXT });
});

/** Works once, which loads it, and from then on never answers. */
const WAITS = "let n = 0; export const collect = () => n++ ? new Promise(() => {}) : 1;";

Deno.test("Sandbox ends a script that waits for ever", async () => {
  await using box = setup();
  box.admit("waits", WAITS);
  assert.deepEqual(await box.run("waits"), done(1));
  const answer = box.run("waits", 700);
  await box.clock.advance(699);
  assert.equal(box.sandbox.workers, 1);
  await box.clock.advance(1);
  assert.equal(failure(await answer), "did not finish within 700 ms");
  assert.equal(box.sandbox.workers, 0);
});

Deno.test("Sandbox moves a script that missed its deadline out, alone", async () => {
  await using box = setup();
  box.admit("waits", WAITS);
  box.admit("good", "let n = 0; export const collect = () => ++n;");
  const miss = async () => {
    assert.deepEqual(await box.run("waits"), done(1));
    const answer = box.run("waits", 700);
    await box.clock.advance(700);
    assert.equal(failure(await answer), "did not finish within 700 ms");
  };
  assert.deepEqual(await box.run("good"), done(1));
  await miss();
  assert.deepEqual(box.events.messages("warn"), [
    "Collector runs alone from now on",
  ]);
  assert.deepEqual(await box.run("good"), done(1), "it is in a new Worker");
  await miss();
  assert.deepEqual(await box.run("good"), done(2), "and that one is untouched");
});

const BAD_RESULTS: Record<string, [code: string, message: RegExp]> = {
  "nothing": ["undefined", /^returned nothing$/],
  "not a number": ["({ a: NaN })", /^returned a value that is no finite number: a is NaN$/],
  "infinity": ["1 / 0", /^returned .* result is Infinity$/],
  "a bigint": ["10n", /^returned a value that is no number: result is a bigint$/],
  "a function": ["({ f() {} })", /^returned .* f is a function$/],
  "a ring": ["(() => { const a = {}; a.a = a; return a; })()", /circular/],
  "too much": ['"x".repeat(3e6)', /^returned too much: 3000002 characters/],
  "a trap": ["({ get a() { throw new Error('boo') } })", /^Error: boo \(line 1\)$/],
};

for (const [what, [code, message]] of Object.entries(BAD_RESULTS)) {
  Deno.test(`Sandbox refuses a result that is ${what}`, async () => {
    await using box = setup();
    box.admit("x", `export const collect = () => ${code};`);
    assert.match(failure(await box.run("x")), message);
  });
}

Deno.test("Sandbox tells errors with the line of the script", async () => {
  await using box = setup();
  box.admit("throws", "export function collect() {\n  const x = {};\n  return x.y.z;\n}");
  assert.match(failure(await box.run("throws")), /^TypeError: .*'z'.* \(line 3\)$/);
  box.admit("rejects", "export const collect = () => Promise.reject('just so');");
  assert.equal(failure(await box.run("rejects")), "threw just so");
});

Deno.test("Sandbox survives errors nobody awaits, and says whose they are", async () => {
  await using box = setup();
  box.admit(
    "untidy",
    "export const collect = () => { Promise.reject(new Error('left')); return 1; };",
  );
  box.admit("good", "export const collect = () => 1;");
  assert.deepEqual(await box.run("good"), done(1));
  assert.deepEqual(await box.run("untidy"), done(1));
  const event = await box.events.until("Error that a collector did not await");
  assert.deepEqual([event.script, event.message], ["untidy", "Error: left (line 1)"]);
  assert.deepEqual(await box.run("good"), done(1));
});

Deno.test("Sandbox cuts a flood of console lines", async () => {
  await using box = setup();
  box.admit(
    "x",
    "export function collect() { for (let i = 0; i < 1e4; i++) console.log(i); return 1; }",
  );
  assert.deepEqual(await box.run("x"), done(1));
  assert.equal(box.events.events.filter(({ msg }) => msg === "Collector printed").length, 20);
});

Deno.test("Sandbox answers host calls, and refuses those that do not exist", async () => {
  await using box = setup({
    read: (path) => `text of ${path}`,
    uptime: () => {
      throw new Error("no uptime today");
    },
  });
  box.admit(
    "reads",
    'export const collect = async (host) => ({ text: await host.read("/proc/x") });',
  );
  assert.deepEqual(await box.run("reads"), done({ text: "text of /proc/x" }));
  box.admit("fails", "export const collect = (host) => host.uptime();");
  assert.match(failure(await box.run("fails")), /^Error: no uptime today/);
  box.admit("asks", "export const collect = (host) => host.disks();");
  assert.match(failure(await box.run("asks")), /host\.disks\(\) does not exist/);
});

Deno.test("Sandbox ends the sleeps of a run with it", async () => {
  const host_clock = new FakeClock();
  const { sleep, ...others } = createHostMethods({ clock: host_clock });
  let began = 0;
  await using box = setup({ ...others, sleep: (...values) => (began++, sleep?.(...values)) });
  box.admit(
    "leaves",
    "export const collect = async (host) => {" +
      " for (let n = 0; n < 50; n++) void host.sleep(3_600_000); await host.uptime(); return 1; };",
  );
  for (const run of [1, 2]) {
    assert.deepEqual(await box.run("leaves"), done(1));
    assert.deepEqual([began, host_clock.sleeping], [50 * run, 0]);
  }
});

Deno.test("Sandbox answers what is under way when it is disposed", async () => {
  await using box = setup();
  box.admit("waits", "export const collect = () => new Promise(() => {});");
  const answer = box.run("waits");
  box.sandbox[Symbol.dispose]();
  assert.match(failure(await answer), /was ended/);
});
