/**
 * The state machine of alerts against its reference, over a million random histories (or as many as
 * the argument says): `deno task bench alert_model 1000000`. Ends with the first that differs.
 */
import { differenceOf, historyOf } from "../server/alerts/histories.ts";

const HISTORIES_DEFAULT = 1_000_000;
const SHOWN_EVERY = 100_000;

export function run([given]: string[]): Promise<Record<string, unknown>> {
  const histories = given === undefined ? HISTORIES_DEFAULT : Number(given);
  const begun_ms = performance.now();
  let looks = 0;
  for (let seed = 1; seed <= histories; seed++) {
    const difference = differenceOf(seed);
    if (difference !== undefined) throw new Error(difference);
    if (seed % 1_000 === 0) looks += historyOf(seed).seen.length * 1_000;
    if (seed % SHOWN_EVERY === 0) {
      Deno.stderr.writeSync(new TextEncoder().encode(`${seed} histories, no difference\n`));
    }
  }
  const seconds = (performance.now() - begun_ms) / 1000;
  return Promise.resolve({ histories, looks_about: looks, differences: 0, seconds });
}
