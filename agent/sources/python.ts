/**
 * Python files of the original's form as collectors: `metrics/<name>.py` with a function `collect()`.
 *
 * A Python file is a program with all rights of the agent's user; nothing holds it as the sandbox holds
 * a script, so the operator has to say that it may run. One interpreter is kept for all of them: 10 MB,
 * and 0.4 ms of a processor for a run. Starting one for every run took 17 ms (39 ms with pyenv), without
 * a single import, and would forget what a file remembers. A file that misses its deadline takes the interpreter down; it is
 * asked in one of its own from then on, and the others are asked again in a new one.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Outcome, Run, Runner } from "../runner.ts";
import { readJson } from "./exec.ts";
import { type PythonAnswer, PythonProcess } from "./python_process.ts";

export interface PythonScript {
  name: string;
  file: string;
  interpreter: string;
  /** When the file was last changed, to see whether it is another now. */
  changed_ms: number;
}

const PRINTED_CHARS_MAX = 500;

/** The interpreters of an agent. */
export class PythonPool {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #processes = new Map<string, PythonProcess>();
  readonly #users = new Set<string>();
  /** Files that have an interpreter of their own. */
  readonly #alone = new Set<string>();

  constructor(options: { clock: Clock; log: Logger }) {
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** How many interpreters run. */
  get processes(): number {
    return [...this.#processes.values()].filter((process) => !process.ended).length;
  }

  /** Runs a file once; starts an interpreter when there is none. */
  async collect(script: PythonScript, timeout_ms: number): Promise<PythonAnswer> {
    const { name, file } = script;
    this.#users.add(name);
    let answer = await this.#process(script).ask({ name, file }, timeout_ms);
    const again = answer.kind === "lost" || (answer.kind === "crashed" && !this.#alone.has(name));
    if (again && this.#users.has(name)) {
      // Who brought it down is not known; alone it cannot be the others.
      if (answer.kind === "crashed") this.#alone.add(name);
      answer = await this.#process(script).ask({ name, file }, timeout_ms);
    }
    if (answer.kind === "timeout" && !this.#alone.has(name)) {
      this.#alone.add(name);
      this.#log.warn("Collector missed its deadline; it runs alone from now on", { script: name });
    }
    return answer;
  }

  /** The file is not run any more; the last one closes the door. */
  async leave({ name, interpreter }: PythonScript): Promise<void> {
    this.#users.delete(name);
    const alone = this.#alone.delete(name);
    const keys = alone ? [processKey(interpreter, name)] : [];
    if (this.#users.size === 0) keys.push(...this.#processes.keys());
    const processes = keys.map((key) => this.#processes.get(key));
    for (const key of keys) this.#processes.delete(key);
    await Promise.all(processes.map((process) => process?.end()));
  }

  #process({ name, interpreter }: PythonScript): PythonProcess {
    const key = processKey(interpreter, this.#alone.has(name) ? name : "");
    const known = this.#processes.get(key);
    if (known !== undefined && !known.ended) return known;
    const process = new PythonProcess({
      interpreter,
      env: pythonEnvironment(Deno.env.toObject()),
      clock: this.#clock,
      onPrinted: (text) => {
        this.#log.debug("Collector printed", { message: text.slice(0, PRINTED_CHARS_MAX) });
      },
    });
    this.#processes.set(key, process);
    return process;
  }
}

function processKey(interpreter: string, name: string): string {
  return `${interpreter}\0${name}`;
}

/** As the original's agent gave it to its files: everything, but for what is the agent's own. */
export function pythonEnvironment(own: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(own).filter(([name]) => !name.startsWith("MONITOR_")));
}

/** A Python file as a runner. */
export function pythonRunner(script: PythonScript, pool: PythonPool): Runner {
  return {
    async collect({ at_ms, timeout_ms }: Run): Promise<Outcome> {
      try {
        const answer = await pool.collect(script, timeout_ms);
        if (answer.kind === "done") return readJson(answer.json, { name: script.name, at_ms });
        const { kind, message } = answer;
        return { kind: kind === "crashed" ? "failed" : kind, message };
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        return { kind: "failed", message: `there is no program "${script.interpreter}"` };
      }
    },
    metadata: () => undefined,
    [Symbol.asyncDispose]: () => pool.leave(script),
  };
}
