import assert from "node:assert/strict";
import { type CommandNode, completionScript, SHELLS } from "../../../server/cli/completion.ts";

function option(flags: string, more: { choices?: string[] } = {}) {
  const long = /--[\w-]+/.exec(flags)?.[0];
  return {
    long,
    flags,
    description: "it's [a] test: yes",
    required: flags.includes("<"),
    argChoices: more.choices,
  };
}

function command(name: string, parts: Partial<CommandNode>): CommandNode {
  return {
    name: () => name,
    description: () => `does ${name}'s work`,
    commands: [],
    options: [],
    ...parts,
  };
}

const PROGRAM = command("monitor", {
  commands: [
    command("serve", {
      options: [
        option("--config <file>"),
        option("--data <dir>"),
        option("--log-level <level>", { choices: ["debug", "info"] }),
        option("--port <n>"),
        option("--json"),
      ],
    }),
    command("token", {
      commands: [
        command("create", {
          options: [option("--role <role>", { choices: ["read", "write"] }), option("--yes")],
        }),
      ],
    }),
  ],
});

/** Runs bash with the completion loaded and returns what it offers for the last word. */
async function offered(words: string[]): Promise<string[]> {
  const script = `${completionScript("bash", PROGRAM)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_monitor; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = await new Deno.Command("bash", { args: ["-c", script] }).output();
  const told = new TextDecoder().decode(output.stderr);
  assert.equal(output.success, true, told);
  return new TextDecoder().decode(output.stdout).split("\n").filter((line) => line !== "");
}

Deno.test("completionScript() of bash offers commands, options and choices", async () => {
  assert.deepEqual(await offered(["monitor", "s"]), ["serve"]);
  assert.deepEqual(await offered(["monitor", "serve", "--p"]), ["--port"]);
  assert.deepEqual(await offered(["monitor", "serve", "--log-level", ""]), ["debug", "info"]);
  assert.deepEqual(await offered(["monitor", "serve", "--port", ""]), []);
  assert.deepEqual(await offered(["monitor", "token", "c"]), ["create"]);
  assert.deepEqual(await offered(["monitor", "token", "create", "--"]), [
    "--role",
    "--yes",
    "--help",
  ]);
  assert.deepEqual(await offered(["monitor", "token", "create", "--role", "r"]), ["read"]);
  assert.deepEqual(await offered(["monitor", "unknown", ""]), []);
});

for (const shell of SHELLS) {
  Deno.test(`completionScript() of ${shell} is accepted by ${shell}`, async (test) => {
    const check = shell === "fish" ? "--no-execute" : "-n";
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, completionScript(shell, PROGRAM));
      const output = await new Deno.Command(shell, { args: [check, file] }).output();
      assert.equal(output.success, true, new TextDecoder().decode(output.stderr));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await test.step({ name: `skipped: ${shell} is not installed here`, ignore: true, fn() {} });
    } finally {
      await Deno.remove(file);
    }
  });
}

Deno.test("completionScript() names every command and option in each shell", () => {
  for (const shell of SHELLS) {
    const script = completionScript(shell, PROGRAM);
    for (
      const word of ["serve", "token", "create", "role", "config", "log-level", "port", "json"]
    ) {
      assert.ok(script.includes(word), `${shell} does not know ${word}`);
    }
  }
});
