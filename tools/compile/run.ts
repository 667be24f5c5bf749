/** Runs a program of the build and keeps what it says for when it fails. */

/** A program ended with an error; the message has all it said. */
export class RunError extends Error {
  override readonly name = "RunError";
}

/** Runs it to its end; nothing is shown. Throws RunError. */
export async function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const output = await new Deno.Command(program, {
    ...options,
    args: [...args],
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
  }).output();
  const [out, err] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (output.success) return out ?? "";
  throw new RunError(
    `Cannot run ${program} ${args[0]}: it ended with ${output.code}\n${err}${out}`,
  );
}

/** Runs the Deno that runs us. */
export function runDeno(args: readonly string[], options: { cwd?: string } = {}): Promise<string> {
  return run(Deno.execPath(), args, options);
}
