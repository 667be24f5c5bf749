import assert from "node:assert/strict";
import type { Series } from "../../agent/collected.ts";
import { SeriesOwners, takenText } from "../../agent/series_owners.ts";

const series = (...names: string[]): Series => new Map(names.map((name) => [name, 1]));

Deno.test("SeriesOwners.claim() gives a series to the collector that made it first", () => {
  const owners = new SeriesOwners();
  assert.deepEqual(owners.claim("a", series("x", "y")).taken, []);
  const { kept, taken } = owners.claim("b", series("x", "z"));
  assert.deepEqual([[...kept.keys()], taken], [["z"], ["x"]]);
  assert.equal(owners.ownerOf("x"), "a");
  assert.deepEqual(owners.claim("a", series("x", "y")).taken, [], "its own again");
  owners.release("a");
  assert.deepEqual(owners.claim("b", series("x")).taken, []);
});

Deno.test("SeriesOwners.claim() keeps the agent's own names for the agent", () => {
  const owners = new SeriesOwners();
  const { kept, taken } = owners.claim("a", series("monitor_agent_reports_waiting"));
  assert.deepEqual([kept.size, taken], [0, ["monitor_agent_reports_waiting"]]);
  assert.equal(
    takenText(taken, owners.ownerOf("monitor_agent_reports_waiting")),
    'a series is left out because "the agent" makes the same, such as ' +
      "monitor_agent_reports_waiting; give one of the two a prefix or labels",
  );
});
