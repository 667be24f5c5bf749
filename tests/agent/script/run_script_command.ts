/** `monitor script …` as a person would type it, in this process. */
import { scriptCommand } from "../../../agent/script/command.ts";
import { layoutTable } from "../../../server/cli/table.ts";
import { FakeClock } from "../../support/fake_clock.ts";

export interface Ran {
  out: string;
  err: string;
  /** What it threw; the program makes an exit code of it. */
  error: unknown;
  /** 0, or what the program would end with. */
  code: number;
}

export interface RunOptions {
  env?: Record<string, string>;
  /** What the person answers, perhaps after something has happened; undefined when there is none. */
  answer?: boolean | (() => boolean);
  installed_config?: string;
}

/** The program's own rule: see server/cli/failure.ts. */
function codeOf(error: unknown): number {
  if (error === undefined) return 0;
  const code = error instanceof Error ? Reflect.get(error, "exit_code") : undefined;
  return typeof code === "number" ? code : 1;
}

/** Runs it to its end; time passes as fast as it can. */
export async function runScriptCommand(args: string[], options: RunOptions = {}): Promise<Ran> {
  const clock = new FakeClock();
  const result: Ran = { out: "", err: "", error: undefined, code: 0 };
  const write = (to: "out" | "err") => (text: string) => void (result[to] += text);
  const command = scriptCommand({
    terminal: {
      out: write("out"),
      err: write("err"),
      columns: Infinity,
      out_is_terminal: false,
    },
    clock,
    env: options.env ?? {},
    verbose: false,
    version: "0.0.0",
    program: "monitor",
    listenForStop: () => {
      throw new Error("it was not asked to run for ever");
    },
    layoutTable,
    confirm: () => typeof options.answer === "function" ? options.answer() : options.answer,
    installed_config: options.installed_config,
  });
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeOut: write("out"), writeErr: write("err") });
  }
  let over = false;
  const done = command.parseAsync(args, { from: "user" })
    .then(() => {}, (error) => void (result.error = error))
    .finally(() => over = true);
  while (!over) await clock.advance(1);
  await done;
  result.code = codeOf(result.error);
  return result;
}

/** The message of what it threw, with its reason and what to do. */
export function failureText({ error }: Ran): string {
  if (!(error instanceof Error)) return "";
  return [error.message, error.cause, Reflect.get(error, "hint")].filter(Boolean).join(" | ");
}
