/**
 * `deno task chaos [--seed S] [--rounds 100] [--times 1]`: runs simulations (simulation.ts), each with the
 * next seed. The last line, on stdout, is one JSON object; a failure prints the command that repeats it.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../clock.ts";
import { simulate, type SimulationResult } from "./simulation.ts";

function write(file: { writeSync(bytes: Uint8Array): number }, text: string): void {
  file.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: "string" },
      rounds: { type: "string", default: "100" },
      times: { type: "string", default: "1" },
    },
  });
  const [rounds, times] = [Number(values.rounds), Number(values.times)];
  const first = Number(values.seed ?? systemClock.now() % 2 ** 31);
  const results: SimulationResult[] = [];
  const failed: number[] = [];
  for (let seed = first; seed < first + times; seed++) {
    try {
      const result = await simulate(seed, rounds);
      results.push(result);
      const { collected, stored, refused, messages } = result;
      write(
        Deno.stderr,
        `seed ${seed}: collected ${collected}, stored ${stored}, refused ${refused}, ` +
          `${messages} messages`,
      );
    } catch (error) {
      failed.push(seed);
      write(Deno.stderr, `FAILED ${error instanceof Error ? error.message : error}`);
      write(Deno.stderr, `  repeat  deno task chaos --seed ${seed} --rounds ${rounds}`);
    }
  }
  const sum = (of: (result: SimulationResult) => number) =>
    results.reduce((total, result) => total + of(result), 0);
  write(
    Deno.stdout,
    JSON.stringify({
      chaos: failed.length === 0 ? "passed" : "failed",
      ...{ first_seed: first, times, rounds, failed },
      collected: sum(({ collected }) => collected),
      stored: sum(({ stored }) => stored),
      refused: sum(({ refused }) => refused),
      events: sum(({ events }) => Object.values(events).reduce((all, count) => all + count, 0)),
      requests: sum(({ requests }) => Object.values(requests).reduce((all, n) => all + n, 0)),
    }),
  );
  return failed.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
