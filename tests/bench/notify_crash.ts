/**
 * `deno task bench notify_crash [kills] [seed]`: two servers that tell at once are killed (200 times)
 * right after a step or at any moment; every incident must have been told, once by its key.
 */
import { systemClock } from "../../clock.ts";
import { runCrashMatrix } from "../server/notify/crash_matrix.ts";

const KILLS = 200;

export async function run([kills, seed]: string[]): Promise<Record<string, unknown>> {
  const options = {
    kills: Number(kills ?? KILLS),
    seed: Number(seed ?? systemClock.now() % 1_000_000),
    onKill: (killed: number) =>
      void Deno.stderr.writeSync(new TextEncoder().encode(`\rkilled ${killed}`)),
  };
  const begun_ms = systemClock.monotonic();
  const figures = await runCrashMatrix(options);
  const took_s = Math.round((systemClock.monotonic() - begun_ms) / 1000);
  return { seed: options.seed, took_s, ...figures };
}
