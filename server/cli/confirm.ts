/** A question to the person at the terminal. */

/** Nobody types more than this to say yes. */
const ANSWER_BYTES_MAX = 100;

/** True for "y" or "yes"; undefined when stdin is no terminal, so that nobody can answer. */
export function askYesNo(question: string): boolean | undefined {
  if (!Deno.stdin.isTerminal()) return undefined;
  Deno.stderr.writeSync(new TextEncoder().encode(`${question} [y/N] `));
  const bytes = new Uint8Array(ANSWER_BYTES_MAX);
  const count = Deno.stdin.readSync(bytes) ?? 0;
  return /^y(es)?$/i.test(new TextDecoder().decode(bytes.subarray(0, count)).trim());
}
