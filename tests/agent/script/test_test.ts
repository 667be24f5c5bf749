/** `monitor script test`: what is recorded is what is played, and differences are seen. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { differences, expectedOf } from "../../../agent/script/expected.ts";
import { scriptFolder } from "../script_folder.ts";
import { failureText, runScriptCommand } from "./run_script_command.ts";

const SCRIPT = `export async function collect(host) {
  const text = await host.read("/proc/a-file-of-every-machine".replace("a-file-of-every-machine", FILE));
  return { lines: text.split("\\n").length, total: (await host.memory()).total };
}`;

Deno.test("monitor script test plays a fixture made by hand", async () => {
  await using dir = await scriptFolder({
    "rate.ts": `export async function collect(host) {
  const read = async () => Number(await host.read("/proc/sys/fs/file-nr"));
  const before = await read();
  await host.sleep(3_000_000);
  const names = await host.list("/sys/class/net");
  return { rate: await read() - before, names: names.length, up: await host.uptime(), last: await read() };
}`,
    "rate.fixture/proc/sys/fs/file-nr": "10",
    "rate.fixture/proc/sys/fs/file-nr@2": "14",
    "rate.fixture/sys/class/net/eth0": "",
    "rate.fixture/sys/class/net/lo": "",
    "rate.fixture/host.json": '[{ "method": "uptime", "answer": 5.5 }]',
    "rate.fixture/expected.json": JSON.stringify({
      metrics: {
        "rate.rate": 4,
        "rate.names": 2,
        "rate.up": { min: 5, max: 6 },
        "rate.last": "any",
      },
    }),
  });
  const test = () => runScriptCommand(["test", "rate", "--metrics", dir.path]);
  const passed = await test();
  assert.deepEqual([passed.code, passed.out], [0, "rate: 4 values as expected\n"]);

  await Deno.writeTextFile(dir.join("rate.fixture/proc/sys/fs/file-nr@2"), "15");
  const failed = await test();
  assert.equal(failed.code, 1);
  assert.equal(failed.out, "metric     expected  got\nrate.rate  4         5\n");
  assert.match(failureText(failed), /^rate made 1 values other than expected/);

  await Deno.remove(dir.join("rate.fixture/host.json"));
  assert.match(failureText(await test()), /host\.uptime\(\) has no answer in the fixture/);
});

Deno.test({
  name: "monitor script test --record makes a fixture of this machine that passes",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await scriptFolder({
      "mem.ts": `const FILE = "meminfo"; let n = 0;\n${
        SCRIPT.replace("{ lines", "{ odd: Math.random(), lines")
      }`,
    });
    const metrics = ["--metrics", dir.path];
    const none = await runScriptCommand(["test", "mem", ...metrics]);
    assert.match(failureText(none), /record one: monitor script test mem --metrics .* --record$/);
    const recorded = await runScriptCommand(["test", "mem", "--record", ...metrics]);
    assert.deepEqual([recorded.code, recorded.out], [0, `${dir.join("mem.fixture")}\n`]);
    assert.match(recorded.err, /^Any number is expected of what is not the same twice: mem\.odd$/m);
    assert.match(await Deno.readTextFile(dir.join("mem.fixture/proc/meminfo")), /^MemTotal:/);
    const expected = JSON.parse(await Deno.readTextFile(dir.join("mem.fixture/expected.json")));
    assert.deepEqual(Object.keys(expected.metrics), ["mem.lines", "mem.odd", "mem.total"]);
    assert.equal(expected.metrics["mem.odd"], "any");
    assert.equal((await runScriptCommand(["test", "mem", ...metrics])).code, 0);
    const again = await runScriptCommand(["test", "mem", "--record", ...metrics]);
    assert.match(failureText(again), /exists already \| record in place of it: --force$/);
    assert.equal(
      (await runScriptCommand(["test", "mem", "--record", "--force", ...metrics])).code,
      0,
    );
  },
});

Deno.test("monitor script test does not answer what a machine would not", async () => {
  await using dir = await scriptFolder({
    "odd.ts": 'export const collect = (host) => host.read("/proc/../../secret");',
    "secret": "1",
    "odd.fixture/expected.json": '{ "metrics": {} }',
  });
  const { code, error } = await runScriptCommand(["test", "odd", "--metrics", dir.path]);
  assert.equal(code, 1);
  assert.match(String(error instanceof Error ? error.cause : ""), /has no answer in the fixture/);
});

const anySeries = fc.uniqueArray(
  fc.record({
    metric: fc.constantFrom("a", "b", "c.d", "__proto__"),
    value: fc.option(fc.double({ noNaN: true, min: -1e300, max: 1e300 })),
    message: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  }),
  { selector: ({ metric }) => metric },
);

Deno.test("differences(): what was recorded is as expected; any change of it is seen", () => {
  fc.assert(fc.property(anySeries, fc.nat(), (series, pick) => {
    const metrics = Object.fromEntries(series.map((one) => [one.metric, expectedOf(one)]));
    assert.deepEqual(differences({ metrics }, series), []);
    if (series.length === 0) return;
    const at = pick % series.length;
    const changed = series.map((one, index) =>
      index === at
        ? { ...one, value: one.value === null ? 1 : one.value + Math.abs(one.value) + 1 }
        : one
    );
    assert.deepEqual(differences({ metrics }, changed).map(({ metric }) => metric), [
      series[at]?.metric,
    ]);
    const without = series.filter((_, index) => index !== at);
    assert.equal(differences({ metrics }, without)[0]?.got, "nothing");
  }));
});
