/** What the process itself takes: memory, processor, and how long its event loop is held up. */
import { cpuUsage } from "node:process";
import type { Clock } from "../../clock.ts";
import type { Registry } from "../metrics/registry.ts";

/** Held up for longer is always seen, for shorter often enough. */
const LOOK_MS = 250;
const DELAY_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Registers them, and looks at the event loop until disposed. */
export function registerProcess(
  metrics: Registry,
  options: { version: string; clock: Pick<Clock, "monotonic"> },
): Disposable {
  const { version, clock } = options;
  const begun_ms = clock.monotonic();
  metrics.read("monitor_server_info", {
    kind: "gauge",
    help: "Always 1; the label is the version of the program",
    label: "version",
  }, () => [[version, 1]]);
  metrics.read("monitor_server_uptime_seconds", {
    kind: "gauge",
    help: "Time since the start of the server",
  }, () => (clock.monotonic() - begun_ms) / 1000);
  metrics.read("monitor_server_resident_memory_bytes", {
    kind: "gauge",
    help: "Memory of the process, without PostgreSQL",
  }, () => Deno.memoryUsage().rss);
  metrics.read("monitor_server_heap_used_bytes", {
    kind: "gauge",
    help: "Memory its objects take",
  }, () => Deno.memoryUsage().heapUsed);
  metrics.read("monitor_server_cpu_seconds_total", {
    kind: "counter",
    help: "Processor time of the process, without PostgreSQL",
  }, () => {
    const { user, system } = cpuUsage();
    return (user + system) / 1_000_000;
  });
  const delay = metrics.histogram("monitor_server_event_loop_delay_seconds", {
    help: "How much later than due a timer is: nothing is answered meanwhile",
    bounds: DELAY_BOUNDS,
  });
  // real time by nature: a clock that tests set holds nothing up
  let due_ms = performance.now() + LOOK_MS;
  const timer = setInterval(() => {
    const now_ms = performance.now();
    delay.observe(Math.max(0, now_ms - due_ms) / 1000);
    due_ms = now_ms + LOOK_MS;
  }, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
