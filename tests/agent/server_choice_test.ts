/** Which of several servers a machine reports to. */
import assert from "node:assert/strict";
import { loadAgentConfig } from "../../agent/config.ts";
import { ServerChoice, serversFor } from "../../agent/server_choice.ts";

Deno.test("ServerChoice: the next when one fails, a wait when all have, back after a minute", () => {
  const choice = new ServerChoice(["a", "b", "c"]);
  assert.equal(choice.at(0), "a");
  assert.equal(choice.failed(0), true);
  assert.equal(choice.at(0), "b");
  assert.equal(choice.failed(0), true);
  assert.equal(choice.at(0), "c");
  assert.equal(choice.failed(0), false);
  assert.equal(choice.at(1_000), "a");
  choice.failed(1_000);
  choice.took();
  assert.equal(choice.at(60_999), "b");
  assert.equal(choice.at(61_000), "a");
});

Deno.test("serversFor() spreads machines evenly, each always in the same order", () => {
  const servers = ["a", "b", "c"];
  const firsts = new Map<string, number>();
  for (let i = 0; i < 3_000; i++) {
    const order = serversFor(`host-${i}`, servers);
    assert.deepEqual(order, serversFor(`host-${i}`, servers));
    assert.deepEqual([...order].sort(), servers);
    firsts.set(order[0] ?? "", (firsts.get(order[0] ?? "") ?? 0) + 1);
  }
  for (const server of servers) assert.ok((firsts.get(server) ?? 0) > 800, String(server));
});

Deno.test("loadAgentConfig() takes a list of servers, and names a wrong one", async () => {
  const read = (server: string) =>
    loadAgentConfig({ env: { MONITOR_AGENT_SERVER: server }, hostname: () => "h" });
  const config = await read("http://a:8888, http://b:8888/");
  assert.deepEqual([config.server, config.other_servers], ["http://a:8888", ["http://b:8888"]]);
  assert.equal((await read("http://a:8888")).other_servers, undefined);
  await assert.rejects(
    read("http://a,ftp://b"),
    /MONITOR_AGENT_SERVER: other_servers\[0\] must be/,
  );
});
