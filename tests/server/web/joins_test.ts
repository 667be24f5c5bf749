/** What the page knows, and what comes later or late. */
import assert from "node:assert/strict";
import type { HostGlance, SeriesAnswer, SeriesData } from "../../../server/web/api.ts";
import { joinHosts } from "../../../server/web/host_list.ts";
import { joinAnswers } from "../../../server/web/series_join.ts";
import { turns } from "../../../server/web/turns.ts";

const series = (metric: string, t: number[]): SeriesData => {
  return { host: "a", metric, unit: null, kind: "gauge", t, avg: t.map((at_s) => at_s * 2) };
};
const answer = (to: number, ...all: SeriesData[]): SeriesAnswer => {
  return { from: 0, to, tier: "raw", step_s: 10, series: all };
};

Deno.test("joinAnswers() drops what has gone out of sight, and series that are nothing else", () => {
  const known = answer(30, series("stays", [10, 20, 30]), series("ends", [10, 20]));
  const fresh = (to: number) => answer(to, series("stays", [to]), series("new", [to]));
  const joined = joinAnswers(known, fresh(40), 20);
  assert.deepEqual(joined.series.map(({ metric, t, avg }) => [metric, t, avg]), [
    ["stays", [20, 30, 40], [40, 60, 80]],
    ["ends", [20], [40]],
    ["new", [40], [80]],
  ]);
  const later = joinAnswers(joined, fresh(50), 30);
  assert.deepEqual(later.series.map(({ metric }) => metric), ["stays", "new"]);
});

Deno.test("joinHosts() takes of each host what is newer", () => {
  const host = (hostname: string, last_s: number, cpu: number): HostGlance => {
    return { hostname, alias: null, location: null, tags: {}, last_s, every_s: 10, cpu };
  };
  const list = [host("a", 10, 1), host("b", 20, 1)];
  const told = [host("a", 20, 2), host("b", 20, 2), host("new", 20, 2)];
  const joined = joinHosts(list, new Map(told.map((one) => [one.hostname, one])));
  assert.deepEqual([...joined.values()].map(({ hostname, cpu }) => [hostname, cpu]), [
    ["a", 2],
    ["b", 1],
    ["new", 2],
  ]);
});

Deno.test("turns() tells that a later question was answered before", () => {
  const takeTurn = turns();
  const [first, second, third] = [takeTurn(), takeTurn(), takeTurn()];
  assert.deepEqual([second(), first(), third()], [true, false, true]);
});
