/** The whole agent: real scripts in real Workers, a real server, and time that the test moves. */
import assert from "node:assert/strict";
import { type Agent, startAgent } from "../../agent/agent.ts";
import { type AgentConfigInput, loadAgentConfig } from "../../agent/config.ts";
import { parseReport, type ReportInput } from "../../report.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";
import { scriptFolder } from "./script_folder.ts";

/** A server that keeps what it is sent; tests wait for reports to arrive. */
class Receiver implements AsyncDisposable {
  readonly reports: ReportInput[] = [];
  #waiting: { count: number; resolve: () => void }[] = [];
  readonly #server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const body = await request.json();
      const reports: ReportInput[] = Array.isArray(body) ? body : [body];
      this.reports.push(...reports);
      for (const { count, resolve } of this.#waiting) if (this.reports.length >= count) resolve();
      return Response.json({ status: "received", stored: reports.length, duplicate: 0 });
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async arrived(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve });
    if (this.reports.length >= count) resolve();
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

async function start(
  overrides: AgentConfigInput,
  options: { signal?: AbortSignal } = {},
): Promise<{ agent: Agent; clock: FakeClock; events: EventLog }> {
  const clock = new FakeClock();
  const events = new EventLog();
  const config = await loadAgentConfig({
    // time passes faster than the test's own server may answer
    overrides: { shipped: false, request_timeout: "10m", ...overrides },
    hostname: () => "vm1",
  });
  const agent = await startAgent({ ...options, config, clock, log: events.log, random: () => 0.5 });
  return { agent, clock, events };
}

/** Metrics of a report without the agent's own. */
function collected(report: ReportInput | undefined): Record<string, unknown> {
  const metrics = Object.entries(report?.metrics ?? {});
  return Object.fromEntries(metrics.filter(([name]) => !name.startsWith("monitor_agent_")));
}

Deno.test("startAgent() reports at once, then at every tick, one report for all scripts", async () => {
  await using dir = await scriptFolder({
    "b.ts": 'export const metric = { unit: "%" }; let n = 0; export const collect = () => ++n;',
    "a.ts": "export const collect = () => ({ x: 1, y: { value: 2, message: 'hm' } });",
    "slow.ts": 'export const metric = { every: "1m" }; export const collect = () => 5;',
  });
  await using server = new Receiver();
  const { agent, clock } = await start({
    server: server.url,
    metrics: [dir.path],
    alias: "Web",
  });
  await using _ = agent;
  await server.arrived(1);
  const [first] = server.reports;
  assert.deepEqual(Object.keys(first ?? {}).slice(0, 3), ["hostname", "timestamp", "metrics"]);
  assert.equal(first?.hostname, "vm1");
  assert.equal(first?.timestamp, clock.now() / 1000);
  assert.deepEqual(collected(first), {
    "a.x": 1,
    "a.y": { value: 2, message: "hm" },
    "b": 1,
    "slow": 5,
  });
  assert.deepEqual(first?.additional_data, { alias: "Web" });
  assert.deepEqual(first?.metadata?.b, { unit: "%" });
  assert.equal(first?.metadata?.monitor_agent_reports_waiting?.kind, "gauge");

  await clock.advance(10_000);
  await server.arrived(2);
  const [, second] = server.reports;
  assert.equal(second?.timestamp, (first?.timestamp ?? 0) + 10);
  assert.deepEqual(collected(second), { "a.x": 1, "a.y": { value: 2, message: "hm" }, "b": 2 });
  assert.deepEqual(Object.keys(second ?? {}), ["hostname", "timestamp", "metrics"]);
  assert.equal(second?.metrics.monitor_agent_reports_sent_total, 1);
  assert.equal(second?.metrics.monitor_agent_samples_sent_total, 19);
});

Deno.test("startAgent(): a script that fails is counted and told, and stops nobody", async () => {
  await using dir = await scriptFolder({
    "bad.ts": "export const collect = () => { throw new Error('no such luck'); };",
    "good.ts": "export const collect = () => 1;",
    "odd.ts": "export const collect = () => ({ a: 'text' });",
  });
  await using server = new Receiver();
  const { agent, clock, events } = await start({ server: server.url, metrics: [dir.path] });
  await using _ = agent;
  await server.arrived(1);
  const { bad, good, odd } = collected(server.reports[0]);
  assert.equal(good, 1);
  assert.deepEqual(bad, { value: null, message: "Error: no such luck (line 1)" });
  assert.match(String(Reflect.get(Object(odd), "message")), /"odd\.a".*must be a number/);
  await clock.advance(10_000);
  await server.arrived(2);
  assert.deepEqual(collected(server.reports[1]), { good: 1 }, "the same error is told once");
  const errors = Object.entries(server.reports[1]?.metrics ?? {})
    .filter(([name]) => name.includes("script_errors"));
  assert.deepEqual(Object.fromEntries(errors), {
    monitor_agent_script_errors_total: 4,
    'monitor_agent_script_errors_total{script="bad"}': 2,
    'monitor_agent_script_errors_total{script="odd"}': 2,
  });
  const told = events.events.filter(({ msg }) => msg === "Collector failed");
  assert.deepEqual(told.map(({ script }) => script).sort(), ["bad", "odd"]);
  assert.equal(agent.totals().script_errors, 4);
});

Deno.test("startAgent(): values with a time of their own are not sent with those of others", async () => {
  await using dir = await scriptFolder({
    "now.ts": "export const collect = () => 1;",
    "past.ts": "export const collect = () => ({ a: 2, b: { value: 3, timestamp: 1000 } });",
  });
  await using server = new Receiver();
  const { agent } = await start({ server: server.url, metrics: [dir.path] });
  await using _ = agent;
  await server.arrived(2);
  const [own_time, tick] = server.reports.toSorted((a, b) =>
    Object.keys(a.metrics).length - Object.keys(b.metrics).length
  );
  assert.deepEqual(own_time?.metrics, { "past.b": { value: 3, timestamp: 1000 } });
  assert.deepEqual(collected(tick), { now: 1, "past.a": 2 });
});

Deno.test("startAgent(): a late script has a report of its own, with the tick's time", async () => {
  await using dir = await scriptFolder({
    "fast.ts": "export const collect = () => 1;",
    "late.js": `export const metric = { timeout: "1h" };
export async function collect(host) {
  await host.uptime();
  console.log("the other one has answered");
  await host.sleep(3_000);
  return 2;
}`,
  });
  await using server = new Receiver();
  const { agent, clock, events } = await start({ server: server.url, metrics: [dir.path] });
  await using _ = agent;
  const at = clock.now() / 1000;
  await events.until("Collector printed");
  await clock.advance(2_000);
  await server.arrived(1);
  assert.deepEqual(collected(server.reports[0]), { fast: 1 });
  while (agent.totals().collected === 1) await clock.advance(100);
  await server.arrived(2);
  const { metrics, timestamp } = server.reports[1] ?? {};
  assert.deepEqual({ metrics, timestamp }, { metrics: { late: 2 }, timestamp: at });
});

Deno.test("startAgent(): what is sent is what the server accepts, shipped collectors included", async () => {
  await using server = new Receiver();
  const { agent, clock } = await start({ server: server.url, metrics: [], shipped: true });
  await using _ = agent;
  // In small steps, since a collector sleeps for a moment and the report does not wait for ever.
  while (agent.totals().collected === 0) await clock.advance(1);
  await server.arrived(1);
  const { reports, faults } = parseReport(server.reports[0], {
    path: "",
    now_ms: clock.now(),
    limits: { future_ms_max: 0, past_ms_max: 60_000 },
  });
  assert.deepEqual(faults, []);
  assert.equal(reports.length, 1);
  assert.ok((reports[0]?.names.length ?? 0) >= 20, `${reports[0]?.names.length} metrics`);
  assert.deepEqual(reports[0]?.annotations, []);
  const unexplained = reports[0]?.names.filter((name) =>
    server.reports[0]?.metadata?.[name]?.kind === undefined
  );
  assert.deepEqual(unexplained, [], "every series has a kind");
});

Deno.test("Agent.stop() sends what is waiting, ends everything, and may be called again", async () => {
  await using dir = await scriptFolder({ "a.ts": "export const collect = () => 1;" });
  await using server = new Receiver();
  const stop = new AbortController();
  const { agent, clock } = await start({ server: server.url, metrics: [dir.path] }, {
    signal: stop.signal,
  });
  await server.arrived(1);
  await clock.advance(10_000);
  await server.arrived(2);
  stop.abort();
  await agent.stopped;
  await Promise.all([agent.stop(), agent[Symbol.asyncDispose]()]);
  const { collected, stored, waiting } = agent.totals();
  assert.deepEqual({ collected, stored, waiting }, { collected: 2, stored: 2, waiting: 0 });
  assert.equal(agent.workers(), 0);
  assert.equal(clock.sleeping, 0);
});

Deno.test("Agent.stop() gives a server that does not answer two seconds", async () => {
  await using dir = await scriptFolder({ "a.ts": "export const collect = () => 1;" });
  const asked = Promise.withResolvers<void>();
  const never = Promise.withResolvers<Response>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
    asked.resolve();
    return never.promise;
  });
  const { agent, clock, events } = await start({
    server: `http://127.0.0.1:${server.addr.port}`,
    metrics: [dir.path],
  });
  await asked.promise;
  const stopped = agent.stop();
  await clock.advance(2_000);
  await stopped;
  assert.equal(agent.totals().waiting, 1);
  assert.ok(events.messages("warn").includes("What was not sent is lost"));
  never.resolve(new Response());
  await server.shutdown();
});

Deno.test("startAgent() describes what is collected, and what is not", async () => {
  await using dir = await scriptFolder({
    "a.ts": 'export const metric = { description: "One" }; export const collect = () => 1;',
    "b.ts": "export const metric = { permissions: { run: true } }; export const collect = () => 1;",
  });
  await using server = new Receiver();
  const { agent, events } = await start({ server: server.url, metrics: [dir.path] });
  await using _ = agent;
  const { hostname, collectors, rejected } = agent.describe();
  assert.equal(hostname, "vm1");
  assert.deepEqual(collectors.map(({ name, every_ms }) => [name, every_ms]), [["a", 10_000]]);
  assert.deepEqual(rejected.map(({ name, state }) => [name, state]), [["b", "refused"]]);
  assert.deepEqual(events.messages("warn"), ["Collector is not run"]);
});
