/** Rejects where nobody waits, with an error of the code that is given: EPIPE is a lost connection. */
import { createLogger } from "../../log.ts";
import { surviveLostConnections } from "../../server/stray_failures.ts";

if (import.meta.main) {
  const { promise: told, resolve } = Promise.withResolvers<string>();
  const log = createLogger({ level: "warn", format: "text", now: () => 0, write: resolve });
  // until the program ends: a busy machine may come to the rejection late
  surviveLostConnections(log);
  const error = new Error("This socket has been ended by the other party");
  void Promise.reject(Object.assign(error, { code: Deno.args[0] }));
  Deno.stderr.writeSync(new TextEncoder().encode(await told));
  Deno.stdout.writeSync(new TextEncoder().encode("goes on"));
}
