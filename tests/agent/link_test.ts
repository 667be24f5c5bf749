/** Scripts of several files become one module, and nothing else is read for them. */
import assert from "node:assert/strict";
import { linkScript } from "../../agent/link.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import { TypeStripper } from "../../agent/strip.ts";
import { FakeClock } from "../support/fake_clock.ts";
import type { TempDir } from "../support/temp_dir.ts";
import { EventLog } from "./event_log.ts";
import { scriptFolder } from "./script_folder.ts";

async function link(dir: TempDir, name = "a.ts") {
  using stripper = new TypeStripper();
  return await linkScript(dir.join(name), { stripper });
}

async function fault(files: Record<string, string>): Promise<string> {
  await using dir = await scriptFolder(files);
  return await link(dir).then(() => "it was linked", (error) => String(error.message));
}

async function run(text: string): Promise<unknown> {
  await using sandbox = new Sandbox({ host: {}, clock: new FakeClock(), log: new EventLog().log });
  sandbox.admit({ name: "a", origin: "user", text }, {});
  const answer = await sandbox.collect("a", 5_000);
  return answer.kind === "done" ? JSON.parse(answer.json ?? "null") : answer.message;
}

Deno.test("linkScript() keeps the lines of a script, and knows it by its hash", async () => {
  await using dir = await scriptFolder({
    "a.ts": "import type { X } from './x.ts';\n\nexport const a: number = 1;\n",
  });
  const { text, hash, files } = await link(dir);
  assert.match(text, /^\s*\n\nexport const a\s+= 1;\n$/);
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.deepEqual(files, [dir.join("a.ts")]);
});

Deno.test("linkScript() links own files with the bindings of the language", async () => {
  await using dir = await scriptFolder({
    "a.ts": `import { count, more } from "./lib/count.ts";
import * as names from "./_names.js";
import def, { type T } from "./_names.js";
// import { count } from "./lib/count.ts" in a comment, and in a text:
const text = 'import { more } from "./lib/count.ts"; it\\'s a text';
export function collect(): T {
  more();
  more();
  return { count, same: names.seen(), def, text: text.endsWith("it's a text") };
}`,
    "lib/count.ts": "export let count: number = 0;\nexport const more = () => { count += 1; };",
    "_names.js": 'export { count as hidden } from "./lib/count.ts";\n' +
      'import { count } from "./lib/count.ts";\n' +
      'export const seen = () => count; export default `it\'s "quoted" */ $\{1}`.length;',
  });
  const linked = await link(dir);
  assert.deepEqual(await run(linked.text), { count: 2, same: 2, def: 18, text: true });
  assert.deepEqual(
    linked.files,
    ["a.ts", "lib/count.ts", "_names.js"].map((name) => dir.join(name)),
  );
  await Deno.writeTextFile(dir.join("lib/count.ts"), "export const count = 1, more = () => {};");
  assert.notEqual((await link(dir)).hash, linked.hash, "a change of any file is a change");
});

Deno.test("linkScript(): an error in an own file tells its name and line", async () => {
  await using dir = await scriptFolder({
    "a.ts": 'import { fail } from "./lib/fail.ts";\nexport const collect = () => fail();',
    "lib/fail.ts": "\nexport const fail = () => { throw new Error('no luck'); };",
  });
  assert.equal(await run((await link(dir)).text), "Error: no luck (line 2 of lib/fail.ts)");
});

Deno.test("linkScript() reads nothing outside of the script's folder", async () => {
  await using dir = await scriptFolder({
    "secret.ts": "export const secret = 1;",
    "in/a.ts": 'export { secret } from "../secret.ts";',
    "in/b.ts": 'export { secret } from "./link.ts";',
    "in/c.ts": 'export { secret } from "./linked/secret.ts";',
  });
  await Deno.symlink(dir.join("secret.ts"), dir.join("in/link.ts"));
  await Deno.symlink(dir.path, dir.join("in/linked"));
  for (const name of ["in/a.ts", "in/b.ts", "in/c.ts"]) {
    await assert.rejects(link(dir, name), {
      name: "LinkError",
      message: /^imports ".*", which is outside of the script's folder: see line 1$/,
    });
  }
});

Deno.test("linkScript() says what is wrong with an import, and where", async () => {
  const a = '\nimport "./lib/b.ts";';
  assert.equal(
    await fault({ "a.ts": a }),
    'imports "./lib/b.ts", which does not exist: see line 2',
  );
  assert.equal(
    await fault({ "a.ts": a, "lib/b.ts": '\n\nimport "../a.ts";' }),
    'imports "../a.ts", which imports this file in turn: see line 3 of lib/b.ts',
  );
  assert.equal(
    await fault({ "a.ts": 'import "./b.json";' }),
    'imports "./b.json", which must end in .ts, .js or .mjs: see line 1',
  );
  assert.match(
    await fault({ "a.ts": a, "lib/b.ts": "await import('x');" }),
    /^may import nothing but own files, .*: see line 1 of lib\/b\.ts$/,
  );
  assert.match(
    await fault({ "a.ts": a, "lib/b.ts": "enum X { A }" }),
    /^is not valid TypeScript: .* of lib\/b\.ts$/,
  );
});

Deno.test("linkScript() has limits for size, depth and repetition", async () => {
  const half = `// ${"x".repeat(70_000)}`;
  assert.equal(
    await fault({ "a.ts": `import "./b.ts";\n${half}`, "b.ts": half }),
    "must have at most 128 kB, with all it imports: it has 137 kB",
  );
  const chain = Object.fromEntries([..."abcdefghijk"].map((name, index, all) => [
    `${name}.ts`,
    index === all.length - 1 ? "" : `import "./${all[index + 1]}.ts";`,
  ]));
  assert.match(await fault(chain), /which is more than 8 files deep: see line 1 of i\.ts$/);
  const twice = Object.fromEntries([..."abcdefg"].map((name, index, all) => [
    `${name}.ts`,
    index === all.length - 1
      ? `// ${"%".repeat(20_000)}`
      : `import "./${all[index + 1]}.ts";\n`.repeat(6),
  ]));
  assert.match(await fault(twice), /^must have at most 2 MB when all it imports is put together$/);
});

Deno.test({
  name: "linkScript() does not wait for a pipe",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await scriptFolder({});
    await new Deno.Command("mkfifo", { args: [dir.join("a.ts")] }).output();
    await assert.rejects(link(dir), { message: "cannot be read: it is not a file" });
  },
});
