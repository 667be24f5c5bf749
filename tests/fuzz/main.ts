/**
 * `deno task fuzz [name …] [--inputs N] [--seed S] [--from I]`: feeds the parsers of targets/ what
 * nobody would write. N inputs in all, divided among the parsers; the same seed gives the same inputs.
 * What fails is made shorter and kept in seeds/, where the suite finds it; the command that repeats it
 * is printed. The last line, on stdout, is one JSON object. Exit code 1: something failed.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../clock.ts";
import { type Part, type PartResult, runPart } from "./campaign.ts";
import { listTargets } from "./targets.ts";

const INPUTS_DEFAULT = 200_000;
/** Of one child: long enough that its start does not count. */
const PART_INPUTS = 100_000;

function write(file: { writeSync(bytes: Uint8Array): number }, text: string): void {
  file.writeSync(new TextEncoder().encode(`${text}\n`));
}

interface Options {
  names: string[];
  inputs: number;
  seed: number;
  from: number;
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      inputs: { type: "string", default: String(INPUTS_DEFAULT) },
      seed: { type: "string" },
      from: { type: "string", default: "0" },
    },
  });
  const known = listTargets();
  const wrong = positionals.find((name) => !known.includes(name));
  if (wrong !== undefined) {
    throw new TypeError(`there is no parser "${wrong}"; there are ${known.join(", ")}`);
  }
  const whole = (name: string, text: string) => {
    if (/^\d{1,12}$/.test(text)) return Number(text);
    throw new TypeError(`--${name} must be a whole number: current value is "${text}"`);
  };
  return {
    names: positionals.length > 0 ? positionals : known,
    inputs: whole("inputs", values.inputs),
    seed: whole("seed", values.seed ?? String(systemClock.now() % 2 ** 31)),
    from: whole("from", values.from),
  };
}

/** The parts of all campaigns, those of one parser not behind each other. */
function partsOf({ names, inputs, seed, from }: Options): Part[] {
  const each = Math.ceil(inputs / names.length);
  const parts = names.flatMap((name) =>
    Array.from({ length: Math.ceil(each / PART_INPUTS) }, (_, i) => ({
      ...{ name, seed, index: i },
      from: from + i * PART_INPUTS,
      to: from + Math.min(each, (i + 1) * PART_INPUTS),
    }))
  );
  return parts.sort((a, b) => a.index - b.index).map(({ index: _, ...part }) => part);
}

function tell({ part, tried, took_s, failures }: PartResult): void {
  const rate = Math.round(tried / took_s);
  write(Deno.stderr, `${part.name} ${part.from} to ${part.to}: ${rate} inputs/s`);
  for (const { name, number, text, file } of failures) {
    const repeat = number === undefined
      ? "deno test -A tests/fuzz"
      : `deno task fuzz ${name} --seed ${part.seed} --from ${number} --inputs 1`;
    write(Deno.stderr, `FAILED ${name}: ${text}\n  kept    ${file ?? "-"}\n  repeat  ${repeat}`);
  }
}

async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  const parts = partsOf(options);
  const begun_ms = systemClock.monotonic();
  const results: PartResult[] = [];
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, async () => {
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      const result = await runPart(part);
      tell(result);
      results.push(result);
    }
  }));
  const took_s = (systemClock.monotonic() - begun_ms) / 1000;
  const failures = results.flatMap((result) => result.failures);
  const tried = results.reduce((sum, result) => sum + result.tried, 0);
  const most = (of: (result: PartResult) => number) => Math.round(Math.max(0, ...results.map(of)));
  const by_parser = Object.fromEntries(options.names.map((name) => {
    const own = results.filter(({ part }) => part.name === name);
    return [name, own.reduce((sum, result) => sum + result.tried, 0)];
  }));
  write(
    Deno.stdout,
    JSON.stringify({
      ...{ fuzz: failures.length === 0 ? "passed" : "failed", seed: options.seed, inputs: tried },
      took_s: Math.round(took_s),
      inputs_per_s: Math.round(tried / took_s),
      slowest_ms: most(({ slowest_ms }) => slowest_ms),
      rss_mb_max: most(({ rss_mb_max }) => rss_mb_max),
      failures: failures.length,
      by_parser,
    }),
  );
  return failures.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    write(Deno.stderr, `error: ${error.message}`);
    Deno.exit(2);
  }
}
