/**
 * `deno task ok`: one line for each check, everything a failed one printed, and a last line that
 * says whether all is well. Exit code 1 when anything failed.
 */

interface Step {
  name: string;
  args: string[];
}

const STEPS: readonly Step[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "types", args: ["check", "."] },
  // the whole suite is `deno task test`; these two are about the source, and take a second
  {
    name: "architecture and tidiness",
    args: ["test", "-A", "--no-check", "tests/architecture_test.ts", "tests/tidy_test.ts"],
  },
  { name: "schema", args: ["run", "-A", "--no-check", "tools/schema.ts", "--check"] },
  {
    name: "settings in docs/CONFIGURATION.md",
    args: ["run", "-A", "--no-check", "tools/settings.ts", "--check"],
  },
  {
    name: "routes in docs/security.md",
    args: ["run", "-A", "--no-check", "tools/access.ts", "--check"],
  },
  {
    name: "collectors in docs/metrics.md",
    args: ["run", "-A", "--no-check", "tools/collectors.ts", "--check"],
  },
  { name: "licences", args: ["run", "-A", "--no-check", "tools/licences.ts"] },
];

const TOP = new URL("../", import.meta.url);

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** Runs one check; its output is shown only when it failed. */
async function run(step: Step): Promise<boolean> {
  const begun_ms = performance.now();
  const output = await new Deno.Command(Deno.execPath(), {
    args: step.args,
    cwd: TOP,
    env: Deno.stdout.isTerminal() && !Deno.noColor ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" },
  }).output();
  const seconds = ((performance.now() - begun_ms) / 1000).toFixed(1);
  print(`${output.success ? "ok    " : "FAILED"}  ${step.name} (${seconds} s)\n`);
  if (!output.success) {
    Deno.stdout.writeSync(output.stdout);
    Deno.stdout.writeSync(output.stderr);
    print(`\nAlone: deno ${step.args.join(" ")}\n\n`);
  }
  return output.success;
}

if (import.meta.main) {
  const failed: string[] = [];
  // one after the other: side by side they would only take each other's processor
  for (const step of STEPS) if (!await run(step)) failed.push(step.name);
  print(failed.length === 0 ? "\nAll is well\n" : `\nFailed: ${failed.join(", ")}\n`);
  Deno.exit(failed.length === 0 ? 0 : 1);
}
