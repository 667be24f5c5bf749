/**
 * Runs campaigns: `child.ts` in processes of their own with a bounded heap, as many at once as there
 * are processors, each a part of a target's inputs. A child that says nothing for long hangs in an
 * input; one that ends by itself ran out of memory. Then it is started once more, to say before each
 * input which one it is.
 */
import { systemClock } from "../../clock.ts";

/** A child may use this much, its runtime included. */
export const MEMORY_MB_MAX = 1_024;
/** Of V8's heap; an input that needs more fails. */
const HEAP_MB_MAX = 768;
/** Without a word for so long, a child hangs. It says something every second. */
const QUIET_MS_MAX = 30_000;
const LOOK_MS = 200;

/** Inputs `from` to before `to` of a target. */
export interface Part {
  name: string;
  seed: number;
  from: number;
  to: number;
}

export interface PartResult {
  part: Part;
  tried: number;
  /** Seconds of it. */
  took_s: number;
  slowest_ms: number;
  rss_mb_max: number;
  failures: Failure[];
}

export interface Failure {
  name: string;
  /** Number of the input; undefined for a seed. */
  number: number | undefined;
  text: string;
  /** Where the input is kept. */
  file?: string;
}

/** What a child says, a line of JSON each. */
export type Said =
  | { type: "progress"; tried: number; next: number; slowest_ms: number }
  | { type: "at"; number: number }
  | { type: "failure"; failure: Failure }
  | { type: "done" };

function rssMb(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    // it has ended, or this is no Linux
    return 0;
  }
}

interface Child {
  ended: "done" | "hang" | "memory" | "died";
  last_number: number | undefined;
}

async function runChild(part: Part, result: PartResult, announce: boolean): Promise<Child> {
  const script = new URL("./child.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", `--v8-flags=--max-old-space-size=${HEAP_MB_MAX}`, script],
      ...[part.name, part.seed, part.from, part.to].map(String),
      ...announce ? ["announce"] : [],
    ],
    stdout: "piped",
    stderr: "null",
    stdin: "null",
  }).spawn();
  const state: Child = { ended: "died", last_number: undefined };
  let heard_ms = systemClock.monotonic();
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      await systemClock.sleep(LOOK_MS, over.signal);
      const rss_mb = rssMb(child.pid);
      result.rss_mb_max = Math.max(result.rss_mb_max, rss_mb);
      const isQuiet = systemClock.monotonic() - heard_ms > QUIET_MS_MAX;
      if (!isQuiet && rss_mb <= MEMORY_MB_MAX) continue;
      state.ended = isQuiet ? "hang" : "memory";
      child.kill("SIGKILL");
      return;
    }
  })();
  for await (const line of lines(child.stdout)) {
    heard_ms = systemClock.monotonic();
    // our own child's words
    const said = JSON.parse(line) as Said;
    if (said.type === "progress") {
      result.tried += said.tried;
      result.slowest_ms = Math.max(result.slowest_ms, said.slowest_ms);
      state.last_number = said.next;
    } else if (said.type === "at") state.last_number = said.number;
    else if (said.type === "failure") result.failures.push(said.failure);
    else state.ended = "done";
  }
  await child.status;
  over.abort();
  await watching;
  return state;
}

async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream()).values()) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((part) => part !== "");
  }
}

/** Runs a part to its end; a child that died is looked into, and the part goes on behind the input. */
export async function runPart(part: Part): Promise<PartResult> {
  const begun_ms = systemClock.monotonic();
  const result: PartResult = {
    ...{ part, tried: 0, took_s: 0, slowest_ms: 0, rss_mb_max: 0, failures: [] },
  };
  for (let from = part.from; from < part.to;) {
    const first = await runChild({ ...part, from }, result, false);
    if (first.ended === "done") break;
    const again = { ...part, from: first.last_number ?? from };
    const second = await runChild(again, result, true);
    if (second.ended === "done") break;
    const number = second.last_number ?? again.from;
    const why = { hang: "hangs", memory: "needs too much memory", died: "ends the process" };
    result.failures.push({ name: part.name, number, text: why[second.ended] });
    from = number + 1;
  }
  result.took_s = (systemClock.monotonic() - begun_ms) / 1000;
  return result;
}
