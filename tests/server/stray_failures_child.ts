/** Rejects where nobody waits, with an error of the code that is given: EPIPE is a lost connection. */
import { systemClock } from "../../clock.ts";
import { createLogger } from "../../log.ts";
import { surviveLostConnections } from "../../server/stray_failures.ts";

if (import.meta.main) {
  const log = createLogger({ level: "warn", format: "text", now: () => 0 });
  using _stray = surviveLostConnections(log);
  const error = new Error("This socket has been ended by the other party");
  void Promise.reject(Object.assign(error, { code: Deno.args[0] }));
  await systemClock.sleep(10);
  Deno.stdout.writeSync(new TextEncoder().encode("goes on"));
}
