/**
 * `deno task bench slow_clients [--idle=9000] [--slow=1000]`: thousands of connections that say nothing,
 * and some that send a request a byte at a time, beside ordinary questions. Both ends are on this
 * machine: each connection takes a descriptor here and one in the server (`ulimit -n`).
 */
import { systemClock } from "../../clock.ts";
import { startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { HttpWire } from "./http_wire.ts";

const QUESTIONS = 500;
/** Between two bytes of a slow request. */
const DRIP_MS = 1_000;
const HEAD = new TextEncoder().encode(
  `POST /metrics HTTP/1.1\r\nhost: x\r\nx-slow: ${"x".repeat(999)}`,
);

function argument(args: string[], name: string, preset: number): number {
  const found = args.find((one) => one.startsWith(`--${name}=`))?.split("=")[1];
  return found === undefined ? preset : Number(found);
}

async function ask(url: string): Promise<{ p50_ms: number; p99_ms: number }> {
  using wire = await HttpWire.open(url);
  const took: number[] = [];
  for (let i = 0; i < QUESTIONS; i++) {
    const start_ms = systemClock.monotonic();
    await wire.get("/fetch/hosts");
    took.push(systemClock.monotonic() - start_ms);
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => Number((took[Math.floor(took.length * share)] ?? 0).toFixed(2));
  return { p50_ms: at(0.5), p99_ms: at(0.99) };
}

async function rssMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function ownNumber(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ")[1] ?? 0);
}

/** Sends a byte now and then until the server has enough of it. */
async function drip(connection: Deno.Conn): Promise<void> {
  try {
    for (const byte of HEAD) {
      await connection.write(new Uint8Array([byte]));
      await systemClock.sleep(DRIP_MS);
    }
  } catch {
    // cut off: what this is about
  }
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const idle = argument(args, "idle", 9_000);
  const slow = argument(args, "slow", 1_000);
  await using dir = await tempDir();
  await using monitor = await startMonitor(["serve", "--port", "0", "--data", dir.join("data")], {
    env: { MONITOR_LIMITS_REQUEST_S: "10", MONITOR_LIMITS_CONNECTIONS_MAX: "12000" },
  });
  const { url } = monitor;
  const alone = { ...await ask(url), rss_mb: await rssMb(monitor.pid) };
  const open = () => Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  const connections: Deno.Conn[] = [];
  for (let i = 0; i < idle + slow; i++) connections.push(await open());
  const dripping = connections.slice(idle).map(drip);
  const beside = { ...await ask(url), rss_mb: await rssMb(monitor.pid) };
  await Promise.all(dripping);
  const left = await ownNumber(url, "monitor_server_connections");
  const cut = await ownNumber(url, 'monitor_server_connections_closed_total{reason="slow"}');
  for (const connection of connections) connection.close();
  return { idle, slow, alone, beside, connections_left: left, cut_as_slow: cut };
}
