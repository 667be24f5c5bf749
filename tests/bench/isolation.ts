/**
 * `deno task bench isolation`: what holding a collector in a process of its own costs. Runs it from the
 * source, with the walls this machine has.
 *
 *   first_value_ms    from nothing to the first value: start, walls, Worker, loading
 *   run_ms            one run that asks the agent for something, and 100 at once for each of them
 *   loop_ms           from a script that never ends being told to collect, past its deadline of 200 ms, to
 *                     the answer about it
 *   resident, own     memory of a process with one script, and what of that is not the program's file
 */
import { createHostMethods } from "../../agent/host.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import { systemClock } from "../../clock.ts";
import { silentLogger } from "../../log.ts";

const clock = systemClock;
const ROUNDS = 10;
const RUNS = 200;
const TOGETHER = 100;
const LOOP_TIMEOUT_MS = 200;

const ASKS = "export const collect = async (host) => (await host.loadavg())[0];";
const LOOPS = "export const collect = () => { for (;;); };";

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin_ms = clock.monotonic();
  await work();
  return clock.monotonic() - begin_ms;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[sorted.length >> 1] ?? 0) * 100) / 100;
}

async function repeat(rounds: number, once: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) values.push(await once());
  return median(values);
}

function makeSandbox(text: string, count = 1): Sandbox {
  const sandbox = new Sandbox({ host: createHostMethods({ clock }), clock, log: silentLogger });
  for (let n = 0; n < count; n++) sandbox.admit({ name: `s${n}`, origin: "user", text }, {});
  return sandbox;
}

async function firstValue(): Promise<number> {
  await using sandbox = makeSandbox(ASKS);
  return await timed(() => sandbox.collect("s0", 10_000));
}

async function loop(): Promise<number> {
  await using sandbox = makeSandbox(LOOPS);
  // accused once, it lives alone: what is measured is the second time
  await sandbox.collect("s0", LOOP_TIMEOUT_MS);
  const took_ms = await timed(() => sandbox.collect("s0", LOOP_TIMEOUT_MS));
  return took_ms;
}

/** Anonymous memory of the processes started from here, in MiB. */
function ownMib(): number {
  const sizes = [...Deno.readDirSync("/proc")].map(({ name }) => {
    try {
      const status = Deno.readTextFileSync(`/proc/${name}/status`);
      const parent = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
      const kib = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]);
      return parent === Deno.pid ? kib / 1024 : 0;
    } catch {
      return 0;
    }
  });
  return Math.round(sizes.reduce((sum, size) => sum + size, 0));
}

export async function run(): Promise<Record<string, unknown>> {
  const first_value_ms = await repeat(ROUNDS, firstValue);
  await using one = makeSandbox(ASKS);
  for (let n = 0; n < RUNS; n++) await one.collect("s0", 10_000);
  const run_ms = await repeat(RUNS, () => timed(() => one.collect("s0", 10_000)));
  const resident_mib = Math.round((one.processBytes() ?? 0) / 2 ** 20);
  const own_mib = ownMib();
  await using many = makeSandbox(ASKS, TOGETHER);
  const all = () =>
    Promise.all(Array.from({ length: TOGETHER }, (_, n) => many.collect(`s${n}`, 10_000)));
  await all();
  const together_ms = await repeat(ROUNDS, () => timed(all));
  return {
    first_value_ms,
    run_ms,
    run_of_100_ms: Math.round((together_ms / TOGETHER) * 1_000) / 1_000,
    loop_ms: await repeat(3, loop),
    loop_timeout_ms: LOOP_TIMEOUT_MS,
    resident_mib,
    own_mib,
  };
}
