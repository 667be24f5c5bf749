/** Two servers on one PostgreSQL, as processes: one is killed, or hangs, and the other does all. */
import assert from "node:assert/strict";
import { serversFor } from "../../agent/server_choice.ts";
import { systemClock } from "../../clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testDatabase } from "../support/test_database.ts";
import { type RunningMonitor, startMonitor } from "./run_monitor.ts";
import { keyOf, makeReports, readBack, REPORTS, send, type Sent } from "./senders.ts";

const serve = (url: string) => startMonitor(["serve", "--port", "0", "--database-url", url]);

/** Asks until the answer is as wanted. */
async function until(
  ask: () => Promise<Response>,
  // deno-lint-ignore no-explicit-any -- tests look into whatever JSON came back
  is: (body: any) => boolean,
): Promise<void> {
  for (;;) {
    const response = await ask();
    if (is(await response.json())) return;
    await systemClock.sleep(50);
  }
}

const evaluates = (server: RunningMonitor) =>
  until(
    () => fetch(`${server.url}/api/v1/alerts`),
    ({ evaluation }) =>
      evaluation.state === "running" && evaluation.by.includes(`pid ${server.pid})`),
  );

async function post(server: RunningMonitor, path: string, body: unknown): Promise<void> {
  const init = { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`${server.url}${path}`, init);
  assert.ok(response.ok, await response.text());
}

Deno.test("of two servers one is killed: senders go to the other, nothing is lost or doubled", async () => {
  await using database = await testDatabase();
  const reports = makeReports(Math.floor(systemClock.now() / 1000));
  await using first = await serve(database.url);
  await using second = await serve(database.url);
  const acknowledged: Sent[] = [];
  let given_up = 0;
  const rest = [...reports];
  await Promise.all(Array.from({ length: 200 }, async (_, sender) => {
    const servers = sender % 2 === 0 ? [first, second] : [second, first];
    for (let report = rest.pop(); report !== undefined; report = rest.pop()) {
      // the next at once, as an agent does
      let reply = await send(servers[0]?.url ?? "", report);
      if (reply === undefined) {
        given_up++;
        reply = await send(servers[1]?.url ?? "", report);
      }
      if (reply === undefined) rest.push(report);
      else acknowledged.push(report);
      if (acknowledged.length === 300) first.kill("SIGKILL");
    }
  }));
  assert.ok(given_up > 0, "killed too late to show anything");
  assert.equal(acknowledged.length, REPORTS);
  const found = await readBack(second.url);
  assert.equal(found.size, REPORTS);
  for (const report of acknowledged) {
    assert.deepEqual(found.get(keyOf(report)), [report.metrics.number], keyOf(report));
  }
});

Deno.test("a server that is killed, and one that hangs, are followed by the next", async () => {
  await using database = await testDatabase();
  await using first = await serve(database.url);
  await evaluates(first);
  await using second = await serve(database.url);
  await using third = await serve(database.url);
  const rule = { name: "Busy", metric: "cpu", condition: "above", threshold: 90 };
  await post(second, "/api/v1/rules", rule);
  first.kill("SIGKILL");
  const either = [second, third];
  await Promise.any(either.map(evaluates));
  const listing = await (await fetch(`${second.url}/api/v1/alerts`)).json();
  const [leader = second, other = third] = listing.evaluation.by.includes(`pid ${second.pid})`)
    ? either
    : either.toReversed();
  // it has the lock, and its connections, and says nothing
  leader.kill("SIGSTOP");
  try {
    await evaluates(other);
    await post(other, "/metrics", { hostname: "a", metrics: { cpu: 95 } });
    await until(
      () => fetch(`${other.url}/api/v1/incidents?state=open`),
      ({ incidents }) => incidents.length === 1,
    );
  } finally {
    leader.kill("SIGCONT");
  }
  // the one that comes back finds that it has been replaced
  await post(leader, "/metrics", { hostname: "a", metrics: { cpu: 5 } });
  await until(
    () => fetch(`${leader.url}/api/v1/incidents?state=open`),
    ({ incidents }) => incidents.length === 0,
  );
  const kinds = await database.sql`select kind from transition order by id`;
  assert.deepEqual(kinds.map(({ kind }) => kind), ["firing", "resolved"]);
});

Deno.test("an agent with two servers goes on with the other when one is killed", async () => {
  await using database = await testDatabase();
  await using dir = await tempDir();
  await using first = await serve(database.url);
  await using second = await serve(database.url);
  const config = dir.join("agent.json");
  await Deno.writeTextFile(config, JSON.stringify({ server: [first.url, second.url] }));
  await using agent = await startMonitor([
    ...["agent", "--config", config, "--hostname", "web-1", "--data", dir.join("agent")],
    ...["--interval", "1"],
  ]);
  const newest = async (server: RunningMonitor) => {
    const answer = await (await fetch(`${server.url}/fetch/latest`)).json();
    return answer["web-1"]?.timestamp ?? 0;
  };
  const comes = async (server: RunningMonitor, after_s: number) => {
    while (await newest(server) <= after_s) await systemClock.sleep(50);
  };
  await comes(second, 0);
  const [own] = serversFor("web-1", [first.url, second.url]);
  const [killed, other] = own === first.url ? [first, second] : [second, first];
  const before_s = await newest(other);
  killed.kill("SIGKILL");
  await comes(other, before_s + 2);
  await agent.line(/Cannot send reports/);
});
