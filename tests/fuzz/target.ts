/**
 * What a parser's file in targets/ exports, and how one input is tried on it. An input is a function
 * of the campaign's seed and its own number: nothing that happened before matters, so every failure
 * can be repeated alone.
 */
import { mutate } from "./mutate.ts";
import { Rng } from "./rng.ts";

export interface Target {
  /** Valid inputs, to begin with. */
  seeds: readonly (string | Uint8Array)[];
  /** Makes an input by the grammar of the format, mostly valid. */
  make(rng: Rng): string | Uint8Array;
  /** Words of the format, for the wrong place. */
  dictionary?: readonly string[];
  /**
   * Tries an input: throws when the parser does not do what it promises. What the parser may throw is
   * caught here. `rng` is for questions beside the input: where to cut it, say.
   */
  check(input: Uint8Array, rng: Rng): void | Promise<void>;
}

/** No input takes longer, whatever is in it. */
export const INPUT_MS_MAX = 1_000;
/** Of the inputs, made by the grammar and left as they are. */
const MADE_SHARE = 0.3;
/** … made by the grammar and changed; the rest is a seed, changed. */
const CHANGED_SHARE = 0.4;

const encoder = new TextEncoder();
const bytesOf = (input: string | Uint8Array) =>
  typeof input === "string" ? encoder.encode(input) : input;

/** An input did what it must not. */
export class FuzzFailure extends Error {
  override name = "FuzzFailure";
}

/** Seeds and kept inputs of a target, and how inputs are made of them. */
export class Inputs {
  readonly #seeds: readonly Uint8Array[];

  constructor(readonly target: Target, kept: readonly Uint8Array[] = []) {
    this.#seeds = [...target.seeds.map(bytesOf), ...kept];
  }

  /** All that is tried before anything else. */
  get seeds(): readonly Uint8Array[] {
    return this.#seeds;
  }

  /** Input `number` of the campaign with this seed. */
  make(seed: number, number: number): Uint8Array {
    const rng = new Rng(seed, number);
    const near = { others: this.#seeds, dictionary: this.target.dictionary ?? [] };
    const share = rng.u32() / 2 ** 32;
    if (share < MADE_SHARE) return bytesOf(this.target.make(rng));
    if (share < MADE_SHARE + CHANGED_SHARE || this.#seeds.length === 0) {
      return mutate(bytesOf(this.target.make(rng)), rng, near);
    }
    return mutate(rng.pick(this.#seeds), rng, near);
  }
}

/** Whether the memory of the input is changed by the parser is part of the check: it gets a copy. */
export async function tryInput(target: Target, input: Uint8Array, seed: number): Promise<void> {
  const given = input.slice();
  const started = performance.now();
  try {
    // most are synchronous: waiting for them would cost more than they do
    const checked = target.check(given, new Rng(seed, given.length));
    if (checked !== undefined) await checked;
  } catch (error) {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    throw new FuzzFailure(text);
  }
  const took_ms = performance.now() - started;
  if (took_ms > INPUT_MS_MAX) await retryForTime(target, input, seed, took_ms);
}

/** A machine that was busy with something else is no fault of the parser: the best of three counts. */
async function retryForTime(target: Target, input: Uint8Array, seed: number, first_ms: number) {
  let best_ms = first_ms;
  for (let i = 0; i < 2 && best_ms > INPUT_MS_MAX; i++) {
    const started = performance.now();
    await target.check(input.slice(), new Rng(seed, input.length));
    best_ms = Math.min(best_ms, performance.now() - started);
  }
  if (best_ms > INPUT_MS_MAX) throw new FuzzFailure(`took ${Math.round(best_ms)} ms`);
}

/** Makes a failing input shorter while it fails: halves, then smaller pieces are left out. */
export async function shortened(
  target: Target,
  input: Uint8Array,
  seed: number,
): Promise<Uint8Array> {
  let best = input;
  let tries = 0;
  for (let size = Math.ceil(best.length / 2); size >= 1 && tries < 2_000; size = size >> 1) {
    for (let at = 0; at < best.length && tries < 2_000;) {
      const rest = best.subarray(at + size);
      const shorter = new Uint8Array(Math.min(at, best.length) + rest.length);
      shorter.set(best.subarray(0, at));
      shorter.set(rest, at);
      tries++;
      const fails = await tryInput(target, shorter, seed).then(() => false, () => true);
      if (fails && shorter.length < best.length) best = shorter;
      else at += size;
    }
  }
  return best;
}
