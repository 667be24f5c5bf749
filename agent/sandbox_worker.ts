/**
 * Runs inside a Worker that has exactly the permissions of the scripts it holds. It loads the texts
 * it is given, calls `collect(host)`, and sends back what came out as JSON text.
 *
 * What is needed of the global object is taken first; then sandbox_doors.ts takes it from the scripts.
 */
import type { Collected, Host } from "./monitor.d.ts";
import { closeDoors, type Doors } from "./sandbox_doors.ts";
import {
  type FromWorker,
  type KeyedMessage,
  RESULT_CHARS_MAX,
  type ToWorker,
} from "./sandbox_protocol.ts";

// The program is checked as a window, this file runs as a Worker: the calls it needs.
const scope = globalThis as unknown as {
  addEventListener(type: "message", listener: (event: MessageEvent<KeyedMessage>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "unhandledrejection", listener: (e: PromiseRejectionEvent) => void): void;
  postMessage(message: FromWorker): void;
};

interface Loaded {
  collect: (host: Host) => unknown;
}

const post = scope.postMessage.bind(scope);
const scripts = new Map<string, Loaded>();
/** Every script that was ever loaded here, by number. */
const names: string[] = [];
const calls = new Map<
  number,
  { request: number; resolve: (value: unknown) => void; reject: (error: Error) => void }
>();
let next_call = 1;
let platform = "";
/** What the agent's messages are known by; nothing is taken before it is known. */
let known_key: string | undefined;
let doors: Doors | undefined;
const print = (message: string) => post({ type: "console", message });

/**
 * A frame of a script in a stack. Scripts are data: URLs, of which stacks show only the beginning;
 * that is a comment with the script's number.
 */
const SCRIPT_FRAME = /^\s+at .*data:text\/javascript,\/\*(\d+)\*\/\S*?:(\d+):\d+/m;
/** The same, or one of a file that a script imports: its name stands there instead (link.ts). */
const ANY_FRAME = /^\s+at .*data:text\/javascript,(?:\/\*\d+\*\/|%2F\*([^*]+)\*%2F)\S*?:(\d+):\d+/m;

/** Deno's advice for a missing permission is about its own command line, run or compiled. */
const DENO_ADVICE = /, [\w ]+(?: using `deno compile)? --allow-(\w+)(?: flag|`)/;
/** Ours: a file is first loaded without any permission, to read what it declares. */
const ADVICE = {
  load: "; nothing is permitted while the file is loaded: do it in collect()",
  collect: "; declare it under permissions.$1 of the exported metric",
};

/** The message of an error, and the line of the script's file where it was thrown, if known. */
function errorText(error: unknown, doing: keyof typeof ADVICE = "collect"): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const [, file, line] = ANY_FRAME.exec(error.stack ?? "") ?? [];
  const of_file = file === undefined ? "" : ` of ${decodeURIComponent(file)}`;
  const place = line === undefined ? "" : ` (line ${line}${of_file})`;
  const message = error.name === "NotCapable"
    ? error.message.replace(DENO_ADVICE, ADVICE[doing])
    : error.message;
  return `${error.name}: ${message}${place}`.replaceAll(/data:text\/javascript\S*/g, "script");
}

/** What was wrong with a result or an export, in the script author's words: no stack helps. */
class Misuse extends Error {
  override readonly name = "Misuse";
}

function failureText(error: unknown, doing: keyof typeof ADVICE): string {
  return error instanceof Misuse ? error.message : errorText(error, doing);
}

/** JSON text of plain data; throws a sentence for the author at anything else. */
function plainJson(value: unknown): string | undefined {
  const text = JSON.stringify(value, (key, part: unknown) => {
    if (typeof part === "number" && !Number.isFinite(part)) {
      throw new Misuse(`returned a value that is no finite number: ${key || "result"} is ${part}`);
    }
    if (["bigint", "function", "symbol"].includes(typeof part)) {
      throw new Misuse(
        `returned a value that is no number: ${key || "result"} is a ${typeof part}`,
      );
    }
    return part;
  });
  if (text !== undefined && text.length > RESULT_CHARS_MAX) {
    throw new Misuse(`returned too much: ${text.length} characters, at most ${RESULT_CHARS_MAX}`);
  }
  return text;
}

function hostFor(request: number, options: Record<string, unknown>): Host {
  const ask = <T>(method: string, argument?: unknown) =>
    new Promise<T>((resolve, reject) => {
      const call = next_call++;
      // What the trusted side answers has the type that monitor.d.ts promises.
      calls.set(call, { request, resolve: resolve as (value: unknown) => void, reject });
      post({ type: "call", call, request, method, argument });
    });
  return {
    platform,
    options,
    read: (path) => ask("read", path),
    list: (path) => ask("list", path),
    sleep: (ms) => ask("sleep", ms),
    memory: () => ask("memory"),
    loadavg: () => ask("loadavg"),
    uptime: () => ask("uptime"),
    disks: () => ask("disks"),
    cpus: () => ask("cpus"),
    networkAddresses: () => ask("networkAddresses"),
    processes: () => ask("processes"),
    tcpStates: () => ask("tcpStates"),
    systemd: (units) => ask("systemd", units),
    certificate: (address) => ask("certificate", address),
  };
}

async function load(message: { request: number; script: string; text: string }): Promise<void> {
  const { request, script, text } = message;
  try {
    const url = `data:text/javascript,/*${names.push(script) - 1}*/${encodeURIComponent(text)}`;
    const exported: { collect?: (host: Host) => Collected; metric?: unknown } = await import(url);
    if (typeof exported.collect !== "function") {
      throw new Misuse("must export a function collect(host)");
    }
    scripts.set(script, { collect: exported.collect });
    post({ type: "done", request, json: plainJson(exported.metric) });
  } catch (error) {
    post({ type: "failed", request, message: failureText(error, "load") });
  }
}

async function collect(
  { request, script, options }: Extract<ToWorker, { type: "collect" }>,
): Promise<void> {
  try {
    const loaded = scripts.get(script);
    if (loaded === undefined) throw new Misuse("is not loaded");
    const result = await loaded.collect(hostFor(request, options));
    if (result === undefined) throw new Misuse("returned nothing");
    post({ type: "done", request, json: plainJson(result) });
  } catch (error) {
    post({ type: "failed", request, message: failureText(error, "collect") });
  }
}

function settle(message: Extract<ToWorker, { type: "reply" | "refuse" }>): void {
  const call = calls.get(message.call);
  calls.delete(message.call);
  if (call === undefined) return;
  post({ type: "turn", request: call.request });
  if (message.type === "reply") call.resolve(message.value);
  else call.reject(new Error(message.message));
}

scope.addEventListener("message", ({ data }) => {
  if (data.type === "start" && known_key === undefined) {
    ({ platform, key: known_key } = data);
    doors = closeDoors({ print, held: data.held });
    return;
  }
  if (data.key !== known_key || data.type === "start") return;
  if (data.type === "ping") return post({ type: "pong" });
  if (data.type === "forget") return void scripts.delete(data.script);
  if (data.type === "reply" || data.type === "refuse") return settle(data);
  post({ type: "turn", request: data.request });
  doors?.nextRun();
  if (data.type === "load") void load(data);
  else void collect(data);
});

/** An error that no run of a script awaited; the stack may tell whose it is. */
function reportStray(error: unknown): void {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const script = names[Number(SCRIPT_FRAME.exec(stack)?.[1])];
  post({ type: "stray", message: errorText(error), script });
}

scope.addEventListener("error", (event) => {
  event.preventDefault();
  reportStray(event.error ?? event.message);
});
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  reportStray(event.reason);
});
