/**
 * Recorded answers of a machine, as a folder that can be read, compared and made by hand:
 *
 *   proc/stat, sys/…   what `host.read()` answers; `proc/stat@2` is the second answer, and so on
 *   host.json          what all other calls answered, and what failed
 *   expected.json      the values a collector makes of it
 *
 * What `host.list()` answers are the names in the folder. The last answer to a question is given
 * again when it is asked more often; waiting takes no time.
 */
import { dirname, join } from "node:path";
import { z } from "zod";
import type { HostMethods } from "../host.ts";
import { isHostFile, isHostFolder } from "../host_files.ts";
import { ScriptFailure } from "./failure.ts";

const CALLS_NAME = "host.json";
const LATER = /@\d+$/;

const callSchema = z.strictObject({
  method: z.string(),
  argument: z.unknown().optional(),
  answer: z.unknown().optional(),
  error: z.string().optional(),
});
const callsSchema = z.array(callSchema);
/** A call of a script, and what came of it. */
export type HostCall = z.output<typeof callSchema>;

/** The same answers, and what was asked, in order. */
export function recordingHost(host: HostMethods): { host: HostMethods; calls: HostCall[] } {
  const calls: HostCall[] = [];
  const recording = Object.entries(host).map(([method, answer]): [string, HostMethods[string]] => [
    method,
    async (argument, permissions, over) => {
      const call: HostCall = { method, argument, answer: undefined };
      calls.push(call);
      try {
        return call.answer = await answer(argument, permissions, over);
      } catch (error) {
        call.error = error instanceof Error ? error.message : String(error);
        throw error;
      }
    },
  ]);
  return { host: Object.fromEntries(recording), calls };
}

/** Answers all that `host` would answer from a folder. Throws ScriptFailure when it is no fixture. */
export async function fixtureHost(folder: string, host: HostMethods): Promise<HostMethods> {
  const calls = await readCalls(join(folder, CALLS_NAME));
  const asked = new Map<string, number>();
  const answer = async (method: string, argument: unknown): Promise<unknown> => {
    const key = JSON.stringify([method, argument]);
    const count = (asked.get(key) ?? 0) + 1;
    asked.set(key, count);
    const recorded = calls.filter((call) => JSON.stringify([call.method, call.argument]) === key);
    const call = recorded[Math.min(count, recorded.length) - 1];
    if (call?.error !== undefined) throw new Error(call.error);
    if (call !== undefined) return call.answer;
    if (method === "sleep") return undefined;
    const path = String(argument);
    if (method === "read" && isHostFile(path)) return await readAnswer(folder, path, count);
    if (method === "list" && isHostFolder(path)) return await listAnswer(folder, path);
    const question = argument === undefined ? "" : JSON.stringify(argument);
    throw new Error(`host.${method}(${question}) has no answer in the fixture`);
  };
  return Object.fromEntries(
    Object.keys(host).map((method) => [method, (argument: unknown) => answer(method, argument)]),
  );
}

/** Writes what was recorded; what is in the folder already is written over, not removed. */
export async function writeFixture(folder: string, calls: readonly HostCall[]): Promise<void> {
  const others: HostCall[] = [];
  const texts = new Map<string, string[]>();
  for (const call of calls) {
    const { method, argument, answer, error } = call;
    if (method === "read" && typeof argument === "string" && typeof answer === "string") {
      const known = texts.get(argument) ?? [];
      texts.set(argument, [...known, answer]);
    } else if (method !== "sleep" && (method !== "list" || error !== undefined)) others.push(call);
  }
  for (const [path, answers] of texts) {
    for (const [index, text] of withoutRepeats(answers).entries()) {
      await write(join(folder, laterName(path, index + 1)), text);
    }
  }
  for (const { method, argument, answer } of calls) {
    if (method !== "list" || !Array.isArray(answer)) continue;
    const listed = join(folder, String(argument));
    await Deno.mkdir(listed, { recursive: true });
    for (const name of answer) {
      const path = join(listed, String(name));
      const exists = await Deno.stat(path).then(() => true, () => false);
      if (!exists) await write(path, "");
    }
  }
  if (others.length > 0) {
    await write(join(folder, CALLS_NAME), JSON.stringify(others, undefined, 2) + "\n");
  }
}

/** The last answer is given again anyway. */
function withoutRepeats(answers: readonly string[]): string[] {
  const kept = [...answers];
  while (kept.length > 1 && kept.at(-1) === kept.at(-2)) kept.pop();
  return kept;
}

function laterName(path: string, count: number): string {
  return count === 1 ? path : `${path}@${count}`;
}

async function readAnswer(folder: string, path: string, count: number): Promise<string> {
  for (let at = count; at >= 1; at--) {
    try {
      return await Deno.readTextFile(join(folder, laterName(path, at)));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`host.read("${path}") has no answer in the fixture`);
}

async function listAnswer(folder: string, path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(join(folder, path))) {
      if (!LATER.test(name)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`host.list("${path}") has no answer in the fixture`);
  }
  return names.sort();
}

async function readCalls(file: string): Promise<HostCall[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const parsed = callsSchema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ScriptFailure(`${file} is no list of calls`, {
    cause: `${issue?.path.join(".") || "it"}: ${issue?.message}`,
    hint: 'write it as [{ "method": "uptime", "answer": 5 }], or record it anew',
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}
