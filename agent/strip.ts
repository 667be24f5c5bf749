/**
 * TypeScript to JavaScript by erasing types: line and column numbers stay, nothing is rewritten,
 * and syntax that would need code (`enum`, parameter properties) is refused.
 *
 * Deno has this built in since 2.8 (`node:module`), at no cost in memory. Older programs use the
 * same compiler from npm; it costs 40 MB, so it runs in a Worker that is ended after the scripts
 * have been read.
 */
import * as nodeModule from "node:module";

/** Its text is JavaScript, or it says why it is not TypeScript that can be run. */
export type Stripped = { text: string } | { fault: string };

/** Asked of the fallback Worker; answered by `Stripped`. */
export interface StripRequest {
  text: string;
}

/** Longer than any real script needs, short enough not to hold up a start. */
const STRIP_MS_MAX = 20_000;

type Strip = (text: string) => string;

const builtIn: Strip | undefined = "stripTypeScriptTypes" in nodeModule
  // Absent in the types of older versions, hence the check and the assertion.
  ? (nodeModule as { stripTypeScriptTypes: Strip }).stripTypeScriptTypes
  : undefined;

/** Whether this Deno needs no fallback. */
export const strips_types = builtIn !== undefined;

/** One for as long as scripts are being read; `using` ends the fallback's Worker. */
export class TypeStripper implements Disposable {
  #worker: Worker | undefined;
  readonly #built_in: Strip | undefined;

  /** `built_in: false` forces the fallback, so that both can be compared. */
  constructor(options: { built_in?: boolean } = {}) {
    this.#built_in = options.built_in === false ? undefined : builtIn;
  }

  /** One text at a time. */
  strip(text: string): Promise<Stripped> {
    if (this.#built_in !== undefined) {
      try {
        return Promise.resolve({ text: this.#built_in(text) });
      } catch (error) {
        return Promise.resolve({ fault: compilerText(error) });
      }
    }
    return this.#inWorker(text);
  }

  #inWorker(text: string): Promise<Stripped> {
    const worker = this.#worker ??= new Worker(new URL("./strip_worker.ts", import.meta.url), {
      type: "module",
      name: "strip",
    });
    return new Promise((resolve) => {
      const timeout = AbortSignal.timeout(STRIP_MS_MAX);
      timeout.onabort = () => resolve({ fault: "types could not be removed in time" });
      worker.onmessage = (event: MessageEvent<Stripped>) => {
        timeout.onabort = null;
        resolve(event.data);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        resolve({ fault: `types could not be removed: ${event.message}` });
      };
      worker.postMessage({ text } satisfies StripRequest);
    });
  }

  [Symbol.dispose](): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}

/** "… at file:///some.ts:3:7" becomes "… at line 3": the compiler does not know the file. */
export function compilerText(error: unknown): string {
  // The npm form of the compiler throws objects that are no errors.
  const plain = typeof error === "object" && error !== null && !(error instanceof Error);
  const message = plain ? Reflect.get(error, "message") : error;
  return firstLines(message).replace(/\s*\bat \S*?:(\d+):\d+$/, " at line $1");
}

/** Messages may end with a picture of the code; the first lines say what is wrong. */
export function firstLines(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(0, 3)
    .join(" ");
}
