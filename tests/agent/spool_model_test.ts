/**
 * The spool against a simple model, with kills at any byte of any write: the directory is copied as a
 * killed process would have left it, the last write is cut off somewhere, and a new spool takes over.
 *
 * The model is a list of reports. A report whose append came back is never lost, none is changed,
 * and none is given twice, except those of the last request before a kill.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { join } from "node:path";
import type { OutboxBatch } from "../../agent/outbox.ts";
import type { Spool } from "../../agent/spool.ts";
import { tempDir } from "../support/temp_dir.ts";
import {
  ALL,
  allStored,
  copySpool,
  drain,
  fill,
  numbersOf,
  openSpool,
  segmentSizes,
} from "./spool_folder.ts";

type Step =
  | { kind: "append"; bytes: number }
  | { kind: "peek"; reports_max: number; ahead: boolean }
  | { kind: "settle" }
  | { kind: "release" }
  | { kind: "restart" }
  /** Killed while a report is written, of which this part arrived on disk. */
  | { kind: "kill"; part: number; bytes: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("append"), bytes: fc.nat(300) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("peek"),
      reports_max: fc.integer({ min: 1, max: 6 }),
      ahead: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom("settle", "settle", "release", "restart").map((kind) => ({ kind })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("kill"),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      bytes: fc.nat(300),
    }),
  },
) as fc.Arbitrary<Step>; // kinds are wider in the arbitraries than in the type

class Run {
  readonly #dir: string;
  readonly #bytes_max: number;
  #lives = 0;
  #appended = 0;
  #batch: OutboxBatch | undefined;
  /** How often each report was settled. */
  readonly #settled = new Map<number, number>();
  /** Those of the last request that was settled in this life. */
  #last: number[] = [];
  /** May have been settled twice. */
  readonly #repeated = new Set<number>();
  #spool: Spool;

  private constructor(spool: Spool, dir: string, bytes_max: number) {
    this.#spool = spool;
    this.#dir = dir;
    this.#bytes_max = bytes_max;
  }

  static async start(dir: string, bytes_max: number): Promise<Run> {
    return new Run(await openSpool(join(dir, "0"), { bytes_max }), dir, bytes_max);
  }

  async step(step: Step): Promise<void> {
    if (step.kind === "append") await this.#append(step.bytes);
    else if (step.kind === "peek") await this.#peek(step);
    else if (step.kind === "settle") await this.#settle();
    else if (step.kind === "release") this.#release();
    else if (step.kind === "restart") await this.#restart();
    else await this.#kill(step);
    this.#check();
  }

  async #append(bytes: number): Promise<void> {
    this.#appended += 1;
    await fill(this.#spool, this.#appended, this.#appended, bytes);
  }

  async #peek({ reports_max, ahead }: { reports_max: number; ahead: boolean }): Promise<void> {
    const after = ahead ? Math.max(0, this.#spool.status().newest_seq - 2) : 0;
    this.#batch = await this.#spool.peek({ ...ALL, reports_max, after });
    const numbers = numbersOf(this.#batch);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
    for (const { text } of this.#batch?.entries ?? []) assert.match(text, /^report \d+ x*$/);
  }

  async #settle(): Promise<void> {
    if (this.#batch === undefined) return;
    await this.#spool.settle(this.#batch, allStored(this.#batch));
    this.#last = numbersOf(this.#batch);
    for (const number of this.#last) {
      this.#settled.set(number, (this.#settled.get(number) ?? 0) + 1);
    }
    this.#batch = undefined;
  }

  #release(): void {
    if (this.#batch !== undefined) this.#spool.release(this.#batch);
    this.#batch = undefined;
  }

  async #restart(): Promise<void> {
    await this.#spool.close();
    this.#batch = undefined;
    this.#last = [];
    this.#spool = await openSpool(join(this.#dir, `${this.#lives}`), {
      bytes_max: this.#bytes_max,
    });
  }

  async #kill({ part, bytes }: { part: number; bytes: number }): Promise<void> {
    const from = join(this.#dir, `${this.#lives}`);
    const before = await segmentSizes(from);
    await this.#append(bytes);
    this.#lives += 1;
    const to = join(this.#dir, `${this.#lives}`);
    await copySpool(from, to);
    await this.#spool.close();
    const [name = "", size = 0] = [...await segmentSizes(to)].at(-1) ?? [];
    const old_size = before.get(name) ?? 0;
    const kept = Math.floor(old_size + (size - old_size) * part);
    await Deno.truncate(join(to, name), kept);
    // it never came back to who called it: it does not exist
    if (kept < size) this.#appended -= 1;
    for (const number of this.#last) this.#repeated.add(number);
    this.#last = [];
    this.#batch = undefined;
    this.#spool = await openSpool(to, { bytes_max: this.#bytes_max });
  }

  #check(): void {
    const { collected, stored, waiting, dropped, bytes } = this.#spool.status();
    assert.equal(collected, this.#appended);
    assert.equal(stored + waiting + dropped.full, collected);
    assert.deepEqual([dropped.age, dropped.damaged], [0, 0]);
    assert.ok(bytes <= this.#bytes_max + 1_000, `${bytes} bytes`);
  }

  async end(): Promise<void> {
    const { dropped } = this.#spool.status();
    for (const number of await drain(this.#spool)) {
      this.#settled.set(number, (this.#settled.get(number) ?? 0) + 1);
    }
    this.#check();
    const missing = Array.from({ length: this.#appended }, (_, at) => at + 1)
      .filter((number) => !this.#settled.has(number));
    assert.ok(missing.length <= dropped.full, `${missing} were lost, ${dropped.full} dropped`);
    for (const [number, times] of this.#settled) {
      assert.ok(times === 1 || this.#repeated.has(number), `${number} was given ${times} times`);
    }
    await this.#spool.close();
  }
}

for (const [bytes_max, what] of [[1e6, "with room"], [4_096, "that is too small"]] as const) {
  Deno.test(`Spool ${what} keeps every report through kills at any byte`, async () => {
    const anySteps = fc.array(anyStep, { minLength: 5, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(anySteps, async (steps) => {
        await using dir = await tempDir();
        const run = await Run.start(dir.path, bytes_max);
        for (const step of steps) await run.step(step);
        await run.end();
      }),
      { numRuns: 60 },
    );
  });
}

Deno.test("Spool: killed after each byte of a write, it has all before it", async () => {
  await using dir = await tempDir();
  const spool = await openSpool(dir.join("spool"));
  await fill(spool, 1, 2);
  const batch = await spool.peek({ ...ALL, reports_max: 1 });
  assert.ok(batch);
  await spool.settle(batch, allStored(batch));
  const [name = "", before = 0] = [...await segmentSizes(dir.join("spool"))].at(-1) ?? [];
  await fill(spool, 3, 3, 60);
  const bytes = await Deno.readFile(dir.join("spool", name));
  await spool.close();
  await Deno.mkdir(dir.join("killed"));
  for (let length = 0; length <= bytes.length; length++) {
    await Deno.writeFile(dir.join("killed", name), bytes.subarray(0, length));
    const killed = await openSpool(dir.join("killed"));
    const found = numbersOf(await killed.peek(ALL));
    if (length >= before) {
      // the state in front of the third report says that the first was sent
      assert.ok([[1, 2].join(), [2].join(), [2, 3].join()].includes(found.join()), `${found}`);
      assert.equal(killed.status().dropped.damaged, 0);
    }
    if (length === bytes.length) assert.deepEqual(found, [2, 3]);
    await killed.close();
    for (const segment of (await segmentSizes(dir.join("killed"))).keys()) {
      await Deno.remove(dir.join("killed", segment));
    }
  }
});
