/**
 * A server that tells and dies: the pipeline in a process of its own, which kills itself (SIGKILL) at
 * the step it is told to, or goes on until somebody else does.
 * `deno run -A crash_server.ts <database url> <collector url> <step or 0>`
 */
import { systemClock } from "../../../clock.ts";
import { connect } from "../../../db/connect.ts";
import { createLogger } from "../../../log.ts";
import { channelSchema } from "../../../server/notify/channels.ts";
import { Pipeline } from "../../../server/notify/pipeline.ts";
import { routeSchema } from "../../../server/notify/route.ts";

/** So short that what a dead server had claimed is free soon. */
const TIMEOUT_S = 1;

if (import.meta.main) {
  const [database_url = "", url = "", last_step = "0"] = Deno.args;
  let step = 0;
  const pipeline = new Pipeline({
    connect: () => connect(database_url, { connections_max: 3 }),
    clock: systemClock,
    log: createLogger({ level: "warn", format: "text", now: systemClock.now }),
    settings: {
      channels: { hook: channelSchema.parse({ kind: "webhook", url, timeout_s: TIMEOUT_S }) },
      routes: [routeSchema.parse({
        name: "all",
        channels: ["hook"],
        group_by: ["host"],
        group_wait: 0,
        group_interval: 0,
        repeat_interval: "1h",
      })],
      page_url: null,
    },
    onStep: () => {
      if (++step === Number(last_step)) Deno.kill(Deno.pid, "SIGKILL");
    },
  });
  await new Promise(() => {});
  await pipeline[Symbol.asyncDispose]();
}
