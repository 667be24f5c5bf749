/**
 * An agent as a process of its own whose time its parent moves, for tests that kill it. Arguments: the
 * directory of its spool, its server, its time. Each line of its input is a number of milliseconds to
 * go on; when what is due then was collected, it answers with its totals. 0 lets it go on with what
 * it is doing. At the end of its input it stops as at Ctrl-C.
 */
import { startAgent } from "../../agent/agent.ts";
import { loadAgentConfig } from "../../agent/config.ts";
import { silentLogger } from "../../log.ts";
import { FakeClock } from "../support/fake_clock.ts";

const [spool_dir = "", server = "", now_ms = ""] = Deno.args;
const clock = new FakeClock(Number(now_ms));
// two shipped collectors, which only read: what they say is not the point
const off = ["cpu_usage", "disk", "disk_io", "memory_usage", "network", "paging", "pressure"]
  .concat(["processes", "tcp", "temperature", "systemd"])
  .map((name) => [name, { enabled: false }] as const);
const config = await loadAgentConfig({
  overrides: {
    ...{ server, metrics: [], collectors: Object.fromEntries(off) },
    // time runs faster than the server answers, and than collectors do on a busy machine: a remark
    // that one was late would be a report without a value, of which no row is stored
    ...{ request_timeout: 600, timeout: 3_600 },
  },
  hostname: () => "killed",
});
const agent = await startAgent({ config, spool_dir, clock, log: silentLogger });

function tell(): void {
  const line = `${JSON.stringify(agent.totals())}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}

/** What was started at this moment has become a report. */
async function collected(before: number): Promise<void> {
  while (agent.totals().collected === before) await clock.advance(0);
}

tell();
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const before = agent.totals().collected;
    await clock.advance(Number(line));
    if (Number(line) > 0) await collected(before);
    tell();
  }
}
await agent.stop();
tell();
Deno.exit(0);
