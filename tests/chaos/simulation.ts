/**
 * Agents, a network, a server and a database in one process, on a clock that stands still until the
 * simulation moves it. A round is ten seconds: every host collects a report, perhaps something breaks or
 * is mended, time goes on, and whoever has something to do does it. What breaks when follows from the
 * seed; only the order in which PostgreSQL answers is its own.
 *
 * At the end everything is whole again, and time goes on until nobody waits. Then it must be that
 *
 *   - every report that a host has collected is stored once, or was refused for its time, or has the
 *     time of one that is stored: a clock that is set back gives times a second time
 *   - nothing is stored that was never collected, and nothing is stored twice
 *   - each agent's counters and those of the server add up
 *   - nobody was told twice by one key, or of an end without a beginning
 *   - turning it all into history changes none of that
 */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { Rng } from "../fuzz/rng.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import { network } from "./network.ts";
import { SimAgent } from "./sim_agent.ts";
import { SimServer } from "./world.ts";

const ROUND_MS = 10_000;
const STEP_MS = 5_000;
/** A millisecond each: far more than a request takes that waits for nothing. */
const LOOKS_MAX = 30;
const AGENTS = 4;
/** After the last fault; more than any agent waits between two tries. */
const QUIET_ROUNDS_MAX = 400;
const HOUR_MS = 3_600_000;

export interface SimulationResult {
  seed: number;
  rounds: number;
  collected: number;
  stored: number;
  refused: number;
  /** Times that came a second time. */
  same_time: number;
  messages: number;
  events: Record<string, number>;
  requests: Record<string, number>;
}

type Event = (sim: Simulation) => Promise<void> | void;

const EVENTS: Readonly<Record<string, Event>> = {
  agent_crash: (sim) => sim.rng.pick(sim.agents).crash(),
  server_crash: async (sim) => {
    if (sim.server.isUp) await sim.server.crash();
  },
  server_start: async (sim) => {
    if (!sim.server.isUp) await sim.server.start();
  },
  database_cut: (sim) => sim.server.cutDatabase(),
  database_mended: (sim) => sim.server.mendDatabase(),
  network_bad: (sim) => void (sim.net.loss = 0.2 + sim.rng.below(7) / 10),
  network_good: (sim) => void (sim.net.loss = 0),
  clock_back: (sim) => void (sim.rng.pick(sim.agents).shift_ms -= HOUR_MS),
  clock_forward: (sim) => void (sim.rng.pick(sim.agents).shift_ms += 24 * HOUR_MS),
  clock_right: (sim) => sim.agents.forEach((agent) => agent.shift_ms = 0),
  late: (sim) => sim.pass(40),
};

/** What is whole is more likely to be broken, and what is broken to be mended. */
const NAMES = Object.keys(EVENTS).concat("server_start", "database_mended", "clock_right");

class Simulation {
  readonly clock = new FakeClock();
  readonly agents: SimAgent[] = [];
  readonly events: Record<string, number> = {};

  constructor(
    readonly rng: Rng,
    readonly net: ReturnType<typeof network>,
    readonly server: SimServer,
  ) {}

  /** Lets time go on for some rounds without anything being collected. */
  async pass(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) await this.advance();
  }

  async advance(): Promise<void> {
    for (let ms = 0; ms < ROUND_MS; ms += STEP_MS) {
      await this.clock.advance(STEP_MS);
      await this.settled();
    }
  }

  /**
   * Nobody works at a request any more; held ones wait for time. So may the server, when it tries again
   * after a while: after some looks time goes on all the same.
   */
  async settled(): Promise<void> {
    let quiet = 0;
    for (let look = 0; quiet < 2 && look < LOOKS_MAX; look++) {
      quiet = this.net.busy === 0 ? quiet + 1 : 0;
      await systemClock.sleep(1);
    }
  }

  async round(number: number): Promise<void> {
    for (const [i, agent] of this.agents.entries()) {
      await agent.collect(Math.floor(number / 12) % AGENTS === i);
    }
    if (this.rng.chance(0.35)) {
      const name = this.rng.pick(NAMES);
      this.events[name] = (this.events[name] ?? 0) + 1;
      await EVENTS[name]?.(this);
    }
    await this.advance();
  }

  async mendAll(): Promise<void> {
    this.net.loss = 0;
    this.server.mendDatabase();
    if (!this.server.isUp) await this.server.start();
    for (const agent of this.agents) agent.shift_ms = 0;
    for (let round = 0; round < QUIET_ROUNDS_MAX; round++) {
      if (this.agents.every(({ waiting }) => waiting === 0)) return;
      for (const agent of this.agents) agent.wake();
      await this.advance();
    }
    const waiting = this.agents.map((agent) => agent.waiting);
    assert.fail(`reports still wait after ${QUIET_ROUNDS_MAX} rounds: ${waiting.join()}`);
  }
}

/** All stored values of metric `n` of a host, by second. */
async function readHost(url: string, hostname: string): Promise<Map<number, number[]>> {
  const path = `/fetch/history/${hostname}/n?start=0&limit=100000&tier=raw`;
  const response = await fetch(url + path);
  if (response.status === 404) {
    await response.body?.cancel();
    return new Map();
  }
  assert.equal(response.status, 200);
  // the API's form: [seconds, value]
  const pairs: [number, number][] = await response.json();
  const found = new Map<number, number[]>();
  for (const [at_s, value] of pairs) found.set(at_s, [...found.get(at_s) ?? [], value]);
  return found;
}

interface Account {
  collected: number;
  stored: number;
  refused: number;
  same_time: number;
}

async function checkHost(sim: Simulation, agent: SimAgent, account: Account): Promise<void> {
  const { hostname } = agent.options;
  const stored = await readHost(sim.server.url, hostname);
  let missing = 0;
  for (const [at_s, values] of stored) {
    assert.equal(values.length, 1, `${hostname} has two values at ${at_s}`);
    const sent = agent.collected.get(at_s) ?? [];
    assert.ok(sent.includes(values[0] ?? NaN), `${hostname} ${at_s}: ${values} was never sent`);
  }
  for (const [at_s, numbers] of agent.collected) {
    account.collected += numbers.length;
    account.same_time += numbers.length - 1;
    if (!stored.has(at_s)) missing += numbers.length;
  }
  account.stored += stored.size;
  const status = agent.status;
  assert.ok(status !== undefined);
  const { refused, dropped } = status;
  const dropped_count = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  account.refused += refused;
  assert.equal(dropped_count, 0, `${hostname} dropped reports`);
  // crashes let some be refused again; nothing is missing that was not refused
  assert.ok(missing <= refused, `${hostname}: ${missing} are missing, ${refused} were refused`);
  assert.equal(
    status.collected,
    status.stored + status.duplicate + refused + dropped_count + status.waiting,
    `${hostname}: the agent's counters`,
  );
}

function checkMessages({ server }: Simulation): void {
  const seen = new Set<string>();
  const last = new Map<string, string>();
  for (const { text } of server.hooks.received) {
    const { key, status, incidents } = JSON.parse(text);
    if (seen.has(key)) continue;
    seen.add(key);
    const hostname = incidents[0].hostname;
    const before = last.get(hostname) ?? "resolved";
    assert.notEqual(status, before, `${hostname} was told as ${status} twice`);
    last.set(hostname, status);
  }
}

async function check(sim: Simulation): Promise<Account> {
  const account: Account = { collected: 0, stored: 0, refused: 0, same_time: 0 };
  for (const agent of sim.agents) await checkHost(sim, agent, account);
  checkMessages(sim);
  const before = await Promise.all(
    sim.agents.map(({ options }) => readHost(sim.server.url, options.hostname)),
  );
  for (let state = "running"; state === "running";) {
    const response = await fetch(`${sim.server.url}/aggregate`, { method: "POST" });
    ({ state } = await response.json());
  }
  const after = await Promise.all(
    sim.agents.map(({ options }) => readHost(sim.server.url, options.hostname)),
  );
  const sorted = (hosts: Map<number, number[]>[]) => hosts.map((host) => [...host].sort());
  assert.deepEqual(sorted(after), sorted(before), "history differs from what was stored");
  await sim.server.stop();
  const { received, stored, duplicate, refused, failed } = sim.server.totals;
  assert.equal(received, stored + duplicate + refused + failed, "the server's counters");
  // what a crash has made of a commit is not known to who was crashed
  assert.ok(stored <= account.stored + failed && stored <= received);
  return account;
}

/** Throws AssertionError with what is wrong; the seed is in its message. */
export async function simulate(seed: number, rounds: number): Promise<SimulationResult> {
  const rng = new Rng(seed);
  await using dir = await tempDir();
  const clock = new FakeClock();
  await using net = network(seed, clock);
  await using server = await SimServer.create(clock, net);
  const sim = new Simulation(rng, net, server);
  Object.assign(sim, { clock });
  for (let i = 0; i < AGENTS; i++) {
    const random = () => rng.u32() / 2 ** 32;
    const options = { hostname: `sim-${i}`, dir: dir.path, url: net.url, clock, random };
    sim.agents.push(new SimAgent(options));
  }
  try {
    await server.start();
    const rule = { name: "trouble", metric: "trouble", condition: "above", threshold: 90 };
    const body = JSON.stringify({ ...rule, flapping: false });
    const made = await fetch(`${server.url}/api/v1/rules`, { method: "POST", body });
    assert.ok(made.ok, await made.text());
    for (const agent of sim.agents) await agent.start();
    for (let number = 0; number < rounds; number++) await sim.round(number);
    await sim.mendAll();
    const account = await check(sim);
    const messages = server.hooks.received.length;
    const requests = { ...net.counts };
    return { seed, rounds, ...account, messages, events: sim.events, requests };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}, ${rounds} rounds: ${text}`, { cause: error });
  } finally {
    await Promise.all(sim.agents.map((agent) => agent.stop()));
  }
}
