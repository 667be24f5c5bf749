/** Python files of the original's form, in a real interpreter. */
import assert from "node:assert/strict";
import { pythonEnvironment } from "../../../agent/sources/python.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { scriptFolder } from "../script_folder.ts";
import { messageOf, seriesOf, sources } from "./source_fixture.ts";

const HAS_PYTHON = await new Deno.Command("python3", { args: ["--version"], stdout: "null" })
  .output().then(({ success }) => success, () => false);

function pythonTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `python3: ${name}`, ignore: !HAS_PYTHON, fn });
}

const ONE = "def collect():\n    return 1\n";
const SETTINGS = { python: true, timeout: "1h" };

pythonTest("collect() may return all that the original takes", async () => {
  await using dir = await scriptFolder({
    "number.py": ONE,
    "values.py": "def collect():\n    return {'a': 1.5, 'b': True, 'c': None, 'd': {'e': 2}}\n",
    "leaf.py": "import time\ndef collect():\n" +
      "    return {'value': 93, 'message': 'nearly full', 'timestamp': 1700000000.5}\n",
    "decimal_value.py": "from decimal import Decimal\ndef collect():\n    return Decimal('1.5')\n",
    "later.py": "async def collect():\n    return 3\n",
  });
  await using all = await sources({ ...SETTINGS, metrics: [dir.path] });
  assert.deepEqual(seriesOf(await all.run("number")), { number: 1 });
  assert.deepEqual(seriesOf(await all.run("values")), {
    "values.a": 1.5,
    "values.b": true,
    "values.c": null,
    "values.d.e": 2,
  });
  assert.deepEqual(seriesOf(await all.run("leaf")), {
    leaf: { value: 93, message: "nearly full", timestamp: 1700000000.5 },
  });
  assert.deepEqual(seriesOf(await all.run("decimal_value")), { decimal_value: 1.5 });
  assert.deepEqual(seriesOf(await all.run("later")), { later: 3 });
  assert.equal(all.context.python.processes, 1, "one interpreter for all of them");
});

pythonTest(
  "a file is kept between its runs, prints, and is loaded anew when it has changed",
  async () => {
    await using dir = await scriptFolder({
      "count.py": "import helper, sys\nn = 0\ndef collect():\n    global n\n    n += 1\n" +
        '    print(\'{"id": 1, "json": "9"}\')\n    sys.stdout.flush()\n    return n * helper.FACTOR\n',
      "helper.py": "FACTOR = 10\n",
    });
    await using all = await sources({ ...SETTINGS, metrics: [dir.path] });
    assert.deepEqual(seriesOf(await all.run("count")), { count: 10 });
    assert.deepEqual(seriesOf(await all.run("count")), { count: 20 });
    await all.events.until("Collector printed");
    await Deno.writeTextFile(dir.join("count.py"), "def collect():\n    return 'x' and 5\n");
    assert.deepEqual(seriesOf(await all.run("count")), { count: 5 });
  },
);

pythonTest("what goes wrong is said with its line", async () => {
  await using dir = await scriptFolder({
    "missing.py": "import no_such_module\ndef collect():\n    return 1\n",
    "wrong.py": "def collect():\n    return 1 / 0\n",
    "syntax.py": "def collect():\n    return (\n",
    "object.py": "def collect():\n    return object()\n",
    "text.py": "def collect():\n    return 'a text'\n",
    "exit.py": "import sys\ndef collect():\n    sys.exit(3)\n",
    "nan.py": "def collect():\n    return float('nan')\n",
  });
  await using all = await sources({ ...SETTINGS, metrics: [dir.path] });
  const message = async (name: string) => messageOf(await all.run(name));
  assert.equal(
    await message("missing"),
    "ModuleNotFoundError: No module named 'no_such_module' (line 1)",
  );
  assert.equal(await message("wrong"), "ZeroDivisionError: division by zero (line 2)");
  assert.match(await message("syntax"), /^SyntaxError: .* \(line \d\)$/);
  assert.equal(await message("object"), "TypeError: a value of type object cannot be sent");
  assert.match(await message("text"), /^returned what cannot be sent: text must be a number/);
  assert.equal(await message("exit"), "SystemExit: 3 (line 3)");
  assert.match(await message("nan"), /^ValueError: Out of range float values/);
});

pythonTest("a file that hangs or crashes does not take the others along", async () => {
  await using dir = await scriptFolder({
    "good.py": ONE,
    "hangs.py": "import time\ndef collect():\n    time.sleep(3600)\n",
    "crashes.py": "import os\ndef collect():\n    os._exit(7)\n",
  });
  await using all = await sources({ ...SETTINGS, metrics: [dir.path] });
  const pool = all.context.python;
  assert.deepEqual(seriesOf(await all.run("good")), { good: 1 });
  const hanging = all.collector("hangs").runner.collect({ at_ms: 0, timeout_ms: 1_000 });
  await all.clock.advance(1_000);
  assert.deepEqual(await hanging, { kind: "timeout", message: "did not finish within 1000 ms" });
  assert.deepEqual(seriesOf(await all.run("good")), { good: 1 });
  assert.equal(messageOf(await all.run("crashes")), "Python ended with exit code 7");
  assert.deepEqual(seriesOf(await all.run("good")), { good: 1 });
  const again = all.collector("hangs").runner.collect({ at_ms: 0, timeout_ms: 1_000 });
  assert.deepEqual(seriesOf(await all.run("good")), { good: 1 });
  assert.equal(pool.processes, 2, "it hangs alone");
  await all.collector("hangs").runner[Symbol.asyncDispose]();
  assert.equal((await again).kind, "lost");
  assert.equal(pool.processes, 1);
});

pythonTest("the interpreter ends with the last of its files", async () => {
  await using dir = await scriptFolder({ "a.py": ONE, "b.py": ONE });
  await using all = await sources({ ...SETTINGS, metrics: [dir.path] });
  const pool = all.context.python;
  assert.equal(pool.processes, 0, "nothing is started before it is needed");
  await all.run("a");
  await all.run("b");
  await all.collector("a").runner[Symbol.asyncDispose]();
  assert.equal(pool.processes, 1);
  await all.collector("b").runner[Symbol.asyncDispose]();
  assert.equal(pool.processes, 0);
});

Deno.test("findPython(): the operator has to say that Python files may run", async () => {
  await using dir = await scriptFolder({
    "a.py": ONE,
    "b.py": ONE,
    "helper.py": "X = 1\n",
    "test_a.py": ONE,
    "__init__.py": ONE,
    "9.py": ONE,
  });
  // Any file that is there will do: nothing is started.
  const python = dir.join("a.py");
  const found = async (settings: Record<string, unknown>) => {
    await using all = await sources({ metrics: [dir.path], ...settings });
    return [
      ["a", "b", "helper"].filter((name) => {
        try {
          return all.collector(name) !== undefined;
        } catch {
          return false;
        }
      }),
      all.rejected.map(({ reason }) => reason),
    ];
  };
  assert.deepEqual(await found({ python }), [["a", "b"], []]);
  assert.deepEqual(await found({ python: false }), [[], [
    "a.py, b.py: Python files run with all rights of the agent's user, not in the sandbox; " +
    'to allow all of them, add "python": true to the agent\'s settings, ' +
    'to allow one, add to its permissions.scripts: {"a":{"run":true}}',
  ]]);
  assert.deepEqual(await found({ python: "/no/such" }), [[], [
    "a.py, b.py: there is no /no/such here, which runs Python files; install it, or set " +
    '"python" to where it is',
  ]]);
  assert.deepEqual(await found({ python, collectors: { a: { enabled: false } } }), [["b"], []]);
  if (!HAS_PYTHON) return;
  const [names, reasons] = await found({ permissions: { scripts: { b: { run: true } } } });
  assert.deepEqual(names, ["b"]);
  assert.match(String(reasons), /^a\.py: Python files run/);
});

Deno.test("findPython() looks at no folder that is not there", async () => {
  await using dir = await tempDir();
  await using all = await sources({ metrics: [dir.join("none")], python: true });
  assert.deepEqual(all.rejected, []);
});

Deno.test({
  name:
    "findPython() looks at each file for itself, and says which of those that may run it cannot",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await scriptFolder({ "a.py": ONE, "z.py": ONE, "other/b.py": ONE });
    await Deno.symlink("ring.py", dir.join("ring.py"));
    await Deno.symlink("gone", dir.join("dangling.py"));
    await Deno.symlink("other", dir.join("folder.py"));
    await using silent = await sources({ metrics: [dir.path] });
    assert.deepEqual(silent.rejected.map(({ file }) => file), ["a, z"]);
    // Any file that is there will do: nothing is started.
    await using all = await sources({ metrics: [dir.path], python: dir.join("a.py") });
    for (const name of ["a", "z"]) assert.equal(all.collector(name).name, name);
    assert.deepEqual(all.rejected.map(({ name, state }) => [name, state]), [["ring", "broken"]]);
    assert.match(all.rejected[0]?.reason ?? "", /^cannot be read: .*symbolic links/);
  },
});

Deno.test("pythonEnvironment() keeps the agent's own for itself", () => {
  assert.deepEqual(pythonEnvironment({ A: "1", MONITOR_AGENT_TOKEN: "secret" }), { A: "1" });
});
