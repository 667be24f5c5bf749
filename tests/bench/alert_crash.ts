/**
 * `deno task bench alert_crash [kills] [seed]`: the whole way under kill -9. Two servers on one database
 * take reports, evaluate, and tell; both are killed at any moment, again and again. Hosts report a
 * breach until a webhook says that it fires, and then that all is well until it says so. Every host
 * must be told as firing once and as over once, by the key of the message, in this order.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { type RunningMonitor, startMonitor } from "../e2e/run_monitor.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testDatabase } from "../support/test_database.ts";
import { type WebhookCollector, webhookCollector } from "../support/webhook_collector.ts";

const KILLS = 60;
const SERVERS = 2;
const HOSTS_AT_ONCE = 4;
/** A server lives this long after it is ready, at most. */
const LIFE_MS_MAX = 4_000;
const REPORT_EVERY_MS = 200;
/** No host waits longer for its word. */
const PATIENCE_MS = 120_000;

interface Told {
  key: string;
  status: string;
  hostname: string;
}

interface World {
  servers: (RunningMonitor | undefined)[];
  told: () => Told[];
  /** There are no kills left, and both servers run. */
  isOver: () => boolean;
}

function random(seed: number): () => number {
  let state = seed;
  return () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
}

function toldOf({ received }: WebhookCollector): Told[] {
  return received.map(({ text }) => {
    const { key, status, incidents } = JSON.parse(text);
    return { key, status, hostname: incidents[0].hostname };
  });
}

/** To any server that answers; false when none does just now. */
async function send({ servers }: World, path: string, body: unknown): Promise<boolean> {
  for (const server of servers) {
    if (server === undefined) continue;
    try {
      const init = { method: "POST", body: JSON.stringify(body) };
      const response = await fetch(server.url + path, {
        ...init,
        signal: AbortSignal.timeout(5_000),
      });
      await response.body?.cancel();
      if (response.ok) return true;
    } catch {
      // it has just died: the next one
    }
  }
  return false;
}

/** A breach until it is told, then well until that is told. */
async function liveAsHost(world: World, hostname: string): Promise<void> {
  for (const [cpu, status] of [[95, "firing"], [10, "resolved"]] as const) {
    const begun_ms = systemClock.monotonic();
    const isTold = () =>
      world.told().some((one) => one.hostname === hostname && one.status === status);
    while (!isTold()) {
      await send(world, "/metrics", { hostname, metrics: { cpu } });
      await systemClock.sleep(REPORT_EVERY_MS);
      const waited_ms = systemClock.monotonic() - begun_ms;
      assert.ok(waited_ms < PATIENCE_MS, `${hostname} was not told as ${status}`);
    }
  }
}

function check(told: readonly Told[], hosts: number): void {
  const seen = new Set<string>();
  const distinct = told.filter(({ key }) => !seen.has(key) && seen.add(key) !== undefined);
  const by_host = Map.groupBy(distinct, ({ hostname }) => hostname);
  for (const [hostname, messages] of by_host) {
    assert.deepEqual(messages.map(({ status }) => status), ["firing", "resolved"], hostname);
  }
  assert.equal(by_host.size, hosts);
}

export async function run([kills = `${KILLS}`, seed]: string[]): Promise<Record<string, unknown>> {
  await using dir = await tempDir();
  await using database = await testDatabase();
  await using collector = webhookCollector();
  const used_seed = Number(seed ?? systemClock.now() % 1_000_000);
  const chance = random(used_seed);
  const config = dir.join("c.json");
  const channels = { hook: { kind: "webhook", url: collector.url, timeout_s: 1 } };
  const route = { name: "all", channels: ["hook"], group_by: ["host"], group_wait: 0 };
  const routes = [{ ...route, group_interval: 0, repeat_interval: "1h" }];
  await Deno.writeTextFile(config, JSON.stringify({ channels, routes }));
  const args = ["serve", "--port", "0", "--config", config, "--database-url", database.url];
  const start = () => startMonitor([...args, "--data", dir.path]);
  const world: World = {
    servers: [await start(), undefined],
    told: () => toldOf(collector),
    isOver: () => killed >= Number(kills) && world.servers.every((one) => one !== undefined),
  };
  let killed = 0;
  const rule = { name: "busy", metric: "cpu", condition: "above", threshold: 90 };
  assert.ok(await send(world, "/api/v1/rules", rule));
  const places = Array.from({ length: SERVERS }, async (_, place) => {
    while (killed < Number(kills)) {
      world.servers[place] ??= await start();
      await systemClock.sleep(chance() * LIFE_MS_MAX);
      const server = world.servers[place];
      world.servers[place] = undefined;
      server?.kill("SIGKILL");
      await server?.ended;
      killed++;
      Deno.stderr.writeSync(new TextEncoder().encode(`\rkilled ${killed}`));
    }
    world.servers[place] = await start();
  });
  let hosts = 0;
  const lives = Array.from({ length: HOSTS_AT_ONCE }, async () => {
    while (!world.isOver()) await liveAsHost(world, `h${hosts++}`);
  });
  const begun_ms = systemClock.monotonic();
  try {
    await Promise.all([...places, ...lives]);
  } finally {
    for (const server of world.servers) await server?.[Symbol.asyncDispose]();
  }
  const told = toldOf(collector);
  check(told, hosts);
  const repeated = told.length - new Set(told.map(({ key }) => key)).size;
  const took_s = Math.round((systemClock.monotonic() - begun_ms) / 1000);
  return { seed: used_seed, took_s, kills: killed, hosts, received: told.length, repeated };
}
