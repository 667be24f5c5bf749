/** For processes_test.ts: an agent with a script that loops; prints the processes it has, to be killed. */
import { Sandbox } from "../../../agent/sandbox.ts";
import { systemClock } from "../../../clock.ts";
import { EventLog } from "../event_log.ts";

const events = new EventLog();
const sandbox = new Sandbox({ host: {}, clock: systemClock, log: events.log });
const text = 'export const collect = () => { console.log("looping"); for (;;); };';
sandbox.admit({ name: "loop", origin: "user", text }, {});
void sandbox.collect("loop", 600_000);
await events.until("Collector printed");

/** Processes whose parent is this one. */
function children(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === Deno.pid;
    } catch {
      return false;
    }
  });
}

Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(children())));
