/** One part of a campaign, in a process of its own: `child.ts NAME SEED FROM TO [announce]`. */
import type { Said } from "./campaign.ts";
import { Inputs, shortened, tryInput } from "./target.ts";
import { keepInput, keptInputs, loadTarget } from "./targets.ts";

const SAY_EVERY_MS = 1_000;
/** A parser that fails all the time is known after some. */
const FAILURES_MAX = 5;

function say(said: Said): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(said)}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

async function main([name = "", ...numbers]: string[]): Promise<void> {
  const [seed = 0, from = 0, to = 0] = numbers.map(Number);
  const announce = numbers.includes("announce");
  const target = await loadTarget(name);
  const inputs = new Inputs(target, keptInputs(name));
  let failures = 0;
  const attempt = async (input: Uint8Array, number: number | undefined) => {
    try {
      await tryInput(target, input, seed);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const short = await shortened(target, input, seed);
      const file = await keepInput(name, short);
      say({ type: "failure", failure: { name, number, text, file } });
      failures++;
    }
  };
  if (from === 0) { for (const input of inputs.seeds) await attempt(input, undefined); }
  let [tried, slowest_ms] = [0, 0];
  let said_ms = performance.now();
  for (let number = from; number < to && failures < FAILURES_MAX; number++) {
    if (announce) say({ type: "at", number });
    const input = inputs.make(seed, number);
    const begun_ms = performance.now();
    await attempt(input, number);
    const now_ms = performance.now();
    tried++;
    slowest_ms = Math.max(slowest_ms, now_ms - begun_ms);
    if (now_ms - said_ms < SAY_EVERY_MS) continue;
    said_ms = now_ms;
    say({ type: "progress", tried, next: number + 1, slowest_ms });
    tried = 0;
  }
  say({ type: "progress", tried, next: to, slowest_ms });
  say({ type: "done" });
}

if (import.meta.main) await main(Deno.args);
