/**
 * `deno task soak [--hours 1] [--rate 100000] [--json]`: a server under all its work for a long time
 * (soak.ts), and a report: figures at the start, in the middle and at the end, what went wrong, and a
 * verdict. The last line, on stdout, is one JSON object; with `--json` there is nothing else. Ctrl-C
 * ends it early, with a report of what there is. Exit code 1: it has not passed.
 */
import { parseArgs } from "node:util";
import { runSoak } from "./soak.ts";
import { tableOf } from "./verdict.ts";

const HOURS_DEFAULT = 1;
const RATE_DEFAULT = 100_000;

function write(file: { writeSync(bytes: Uint8Array): number }, text: string): void {
  file.writeSync(new TextEncoder().encode(`${text}\n`));
}

function numberOf(text: string, { name, min }: { name: string; min: number }): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= min) return value;
  throw new TypeError(`--${name} must be a number of at least ${min}: current value is "${text}"`);
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      hours: { type: "string", default: String(HOURS_DEFAULT) },
      rate: { type: "string", default: String(RATE_DEFAULT) },
      json: { type: "boolean", default: false },
    },
  });
  const hours = numberOf(values.hours, { name: "hours", min: 0.001 });
  const rate = numberOf(values.rate, { name: "rate", min: 1_000 });
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort());
  const begun = performance.now();
  const say = (text: string) => {
    const at_s = ((performance.now() - begun) / 1000).toFixed(0).padStart(5);
    if (!values.json) write(Deno.stderr, `${at_s} s  ${text}`);
  };
  const report = await runSoak({
    seconds: Math.round(hours * 3_600),
    rate,
    say,
    signal: stop.signal,
  });
  const { passed, faults, measures, figures } = report;
  if (!values.json) {
    write(Deno.stdout, tableOf(measures));
    write(Deno.stdout, faults.map((fault) => `fault: ${fault}`).join("\n"));
    write(Deno.stdout, passed ? "passed" : "NOT PASSED");
  }
  write(
    Deno.stdout,
    JSON.stringify({
      soak: passed ? "passed" : "failed",
      hours,
      rate,
      ...figures,
      faults: faults.slice(0, 50),
      measures: Object.fromEntries(
        measures.map(({ name, unit: _, ...rest }) => [name, roundAll(rest)]),
      ),
    }),
  );
  return passed ? 0 : 1;
}

function roundAll(judged: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(judged).map(([name, value]) => [
      name,
      typeof value === "number" ? Number(value.toPrecision(4)) : value,
    ]),
  );
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
