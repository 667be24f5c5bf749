/** The whole agent with collectors that are no scripts: what is sent of them, and when. */
import assert from "node:assert/strict";
import { startAgent } from "../../../agent/agent.ts";
import { type AgentConfigInput, loadAgentConfig } from "../../../agent/config.ts";
import { parseReport, type ReportInput } from "../../../report.ts";
import { exporter } from "../../support/exporter.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { EventLog } from "../event_log.ts";

/** An agent and the server that it reports to, which takes everything. */
async function startWith(settings: AgentConfigInput) {
  const dir = await tempDir();
  const reports: ReportInput[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const body = await request.json();
      const arrived: ReportInput[] = Array.isArray(body) ? body : [body];
      reports.push(...arrived);
      return Response.json({ status: "received", stored: arrived.length, duplicate: 0 });
    },
  );
  const clock = new FakeClock();
  const events = new EventLog();
  const config = await loadAgentConfig({
    overrides: {
      shipped: false,
      metrics: [],
      timeout: "1h",
      request_timeout: "10m",
      data_dir: dir.path,
      server: `http://127.0.0.1:${server.addr.port}`,
      ...settings,
    },
    hostname: () => "vm1",
  });
  const agent = await startAgent({ config, clock, log: events.log, random: () => 0.5 });
  return {
    reports,
    clock,
    events,
    /** Moves time in small steps until this is so. */
    until: async (isSo: () => boolean) => {
      while (!isSo()) await clock.advance(1);
    },
    async [Symbol.asyncDispose]() {
      const stopped = agent.stop();
      while (clock.sleeping > 0) await clock.advance(100);
      await stopped;
      await server.shutdown();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const isExtra = ({ metrics }: ReportInput) => !("monitor_agent_reports_waiting" in metrics);

Deno.test("an exporter with more series than a report has is sent in several, each as the server takes them", async () => {
  const page = Array.from({ length: 12_000 }, (_, i) => `a_total{n="${i}"} ${i}\n`).join("");
  await using target = exporter(`# TYPE a_total counter\n# HELP a_total As.\n${page}`);
  await using all = await startWith({
    scrape: { big: { url: target.url, series_max: 20_000 } },
    exec: { one: { command: ["echo", "1"], format: "json" } },
  });
  // The agent's own report, two of the exporter, and what says what their series mean.
  await all.until(() => all.reports.filter(isExtra).length >= 2 && all.reports.length >= 3);
  const [first, second] = all.reports.filter(isExtra);
  assert.equal(first?.timestamp, second?.timestamp);
  const merged = { ...first?.metrics, ...second?.metrics };
  assert.equal(Object.keys(merged).length, 12_004, "and four about the scrape");
  assert.equal(Object.keys(first?.metrics ?? {}).length, 10_000);
  assert.equal(merged['a_total{n="11999"}'], 11_999);
  assert.equal(all.reports.find((report) => !isExtra(report))?.metrics.one, 1);
  for (const report of all.reports) {
    const { faults } = parseReport(report, {
      path: "",
      now_ms: all.clock.now(),
      limits: { future_ms_max: 0, past_ms_max: 600_000 },
    });
    assert.deepEqual(faults, []);
  }
  const told = () =>
    new Set(all.reports.flatMap(({ metadata = {} }) => Object.keys(metadata ?? {})));
  for (let tick = 0; tick < 6; tick++) {
    const before = all.reports.length;
    await all.clock.advance(10_000);
    await all.until(() => all.reports.length >= before + 3);
  }
  assert.ok(told().has('a_total{n="0"}') && told().has('a_total{n="11999"}'));
  for (const { metadata } of all.reports) {
    assert.ok(Object.keys(metadata ?? {}).length <= 2_000, "it is told in portions");
  }
});

Deno.test("two exporters with one name: the first keeps it, and the other is told so", async () => {
  await using one = exporter("go_goroutines 1\na 1\n");
  await using two = exporter("go_goroutines 2\nb 2\n");
  const slow = Promise.withResolvers<void>();
  const page = two.answer;
  two.answer = async (request) => {
    await slow.promise;
    return page(request);
  };
  await using all = await startWith({
    scrape: { one: { url: one.url }, two: { url: two.url } },
  });
  await all.until(() => all.reports.some(({ metrics }) => "a" in metrics));
  slow.resolve();
  await all.until(() => all.reports.some(({ metrics }) => "b" in metrics));
  const of = (name: string) => all.reports.find(({ metrics }) => name in metrics)?.metrics;
  assert.equal(of("a")?.go_goroutines, 1);
  assert.equal(of("b")?.go_goroutines, undefined);
  assert.deepEqual(of("b")?.two, {
    value: null,
    message: 'a series is left out because "one" makes the same, such as go_goroutines; ' +
      "give one of the two a prefix or labels",
  });
  await all.events.until("Collector gives only a part");
});

Deno.test("an exporter that is down is 0 with the reason, and up again without", async () => {
  await using target = exporter("a 1\n");
  const page = target.answer;
  target.answer = () => new Response("", { status: 500 });
  await using all = await startWith({ scrape: { x: { url: target.url } } });
  await all.until(() => all.reports.some(isExtra));
  const down = all.reports.find(isExtra);
  assert.deepEqual(down?.metrics, {
    "x": { value: null, message: `cannot read ${target.url}: the answer has the status 500` },
    "x.up": 0,
  });
  target.answer = page;
  await all.clock.advance(10_000);
  await all.until(() => all.reports.some(({ metrics }) => "a" in metrics));
  const up = all.reports.find(({ metrics }) => "a" in metrics);
  assert.deepEqual([up?.metrics["x.up"], up?.metrics.x], [1, undefined]);
  await all.events.until("Collector works again");
});
