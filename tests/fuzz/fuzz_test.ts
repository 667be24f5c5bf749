/** Every parser on its seeds, on what has failed once, and on some hundred inputs nobody has seen. */
import { INPUT_MS_MAX, Inputs, tryInput } from "./target.ts";
import { keptInputs, listTargets, loadTarget } from "./targets.ts";

const INPUTS = 300;
/** Always the same: a failure here is a change in the code. New ones are for `deno task fuzz`. */
const SEED = 20250115;

for (const name of listTargets()) {
  Deno.test(`fuzz ${name}: seeds, and ${INPUTS} inputs, none over ${INPUT_MS_MAX} ms`, async () => {
    const target = await loadTarget(name);
    const inputs = new Inputs(target, keptInputs(name));
    for (const seed of inputs.seeds) await tryInput(target, seed, SEED);
    for (let number = 0; number < INPUTS; number++) {
      await tryInput(target, inputs.make(SEED, number), SEED);
    }
  });
}
