/**
 * Endless loops in a Sandbox, for sandbox_test.ts: a program of its own, since the thread of a loop
 * ends only with its process. Prints what came of it as JSON.
 */
import { Sandbox } from "../../agent/sandbox.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";

const clock = new FakeClock();
const events = new EventLog();
const sandbox = new Sandbox({ host: {}, clock, log: events.log });
/** What the Worker printed last before it looped is the sign that it does. */
const LOOP = 'console.log("looping"); for (;;);';
const looping = () => events.until("Collector printed");

function admit(name: string, text: string): void {
  sandbox.admit({ name, origin: "user", text }, {});
}

async function collect(): Promise<unknown> {
  admit("loop", `export function collect() { ${LOOP} }`);
  admit("victim", "let n = 0; export const collect = () => ++n;");
  await sandbox.collect("victim", 1_000);
  const loop = sandbox.collect("loop", 5_000);
  await looping();
  const victim = sandbox.collect("victim", 1_000);
  await clock.advance(3_000);
  const first = await Promise.all([victim, loop]);
  const again = await Promise.all([
    sandbox.collect("victim", 1_000),
    sandbox.collect("loop", 1_000),
  ]);
  const message = (answer: object) => "message" in answer ? answer.message : undefined;
  return {
    victim: first[0],
    loop: message(first[1]),
    loop_again: message(again[1]),
    victim_again: again[0],
  };
}

async function inspect(): Promise<unknown> {
  const text = `${LOOP} export const collect = () => 1;`;
  const answer = sandbox.inspect({ name: "x", origin: "user", text });
  await looping();
  await clock.advance(7_000);
  return await answer;
}

const result = await (Deno.args[0] === "collect" ? collect() : inspect());
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(result)));
Deno.exit(0);
