/**
 * `deno task compile [--target NAME] [--output dist/monitor]`: the whole product as one executable
 * that needs nothing but itself: neither Deno nor Node nor a network. See compile/build.ts.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildProgram, DIST, RuntimeMissingError } from "./compile/build.ts";
import { TOP } from "./compile/stage.ts";
import { targetNamed } from "./compile/target.ts";

/** The one failure a machine may have by right: .ci/run goes on without the executable. */
const EXIT_CODE_RUNTIME_MISSING = 3;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { target: { type: "string" }, output: { type: "string" } },
  });
  const target = targetNamed(values.target);
  const output = resolve(values.output ?? `${DIST}monitor${target.ending}`);
  const { version }: { version: string } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", TOP)),
  );
  const { deno, bytes } = await buildProgram({ target, output, version, say });
  say(`${output}: ${(bytes / 1e6).toFixed(1)} MB, Deno ${deno}`);
  return 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    const missing = error instanceof RuntimeMissingError;
    const text = error instanceof Error ? error.message : String(error);
    say(missing ? `Not built: ${text}` : text);
    Deno.exit(missing ? EXIT_CODE_RUNTIME_MISSING : 1);
  }
}
