/** Where a process of collectors begins; main.ts leads here in an executable. */
import { type ConfineOrder, NO_WALLS } from "./messages.ts";
import { CONFINE_ARGUMENT, HOLD_ARGUMENT } from "./start.ts";

/** Whether these arguments are the program's own, for holding scripts. */
export function isForScripts(args: readonly string[]): boolean {
  return args[0] === HOLD_ARGUMENT || args[0] === CONFINE_ARGUMENT;
}

/** Resolves to the exit code. */
export async function runForScripts(args: readonly string[]): Promise<number> {
  const [mode, walls, lid_bytes] = args;
  if (mode === CONFINE_ARGUMENT) {
    const [{ confine }, { readFirstFrame }] = await Promise.all([
      import("./confine.ts"),
      import("./frames.ts"),
    ]);
    // from the agent, which is trusted
    confine(readFirstFrame((bytes) => Deno.stdin.readSync(bytes)) as ConfineOrder);
  }
  const { holdScripts } = await import("./keeper.ts");
  // written by this program
  await holdScripts({
    walls: walls === undefined ? NO_WALLS : JSON.parse(walls),
    lid_bytes: lid_bytes === undefined ? undefined : Number(lid_bytes),
  });
  return 0;
}

if (import.meta.main) Deno.exit(await runForScripts(Deno.args));
