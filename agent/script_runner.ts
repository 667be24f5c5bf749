/** A script in the sandbox, as a runner. Whatever the script is, it is the sandbox that holds it. */
import { readCollected } from "./collected.ts";
import type { Runner } from "./runner.ts";
import type { Sandbox } from "./sandbox.ts";
import { type ScriptMetadata, seriesMetadata } from "./script_metadata.ts";

/** Runs the script that `sandbox` has admitted under this name. */
export function scriptRunner(
  script: { name: string; metadata: ScriptMetadata },
  options: { sandbox: Sandbox },
): Runner {
  const { name } = script;
  return {
    async collect({ at_ms, timeout_ms }) {
      const answer = await options.sandbox.collect(name, timeout_ms);
      if (answer.kind !== "done") return answer;
      const read = readCollected(answer.json ?? "null", { name, at_ms });
      return "fault" in read ? { kind: "failed", message: read.fault } : { kind: "done", ...read };
    },
    metadata: (series) => seriesMetadata(series, script),
    // Its Worker may be others' too, and ends with the sandbox.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
