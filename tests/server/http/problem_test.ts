import assert from "node:assert/strict";
import { PROBLEM_TYPE, PROBLEMS } from "../../../server/http/problem.ts";
import { send } from "../../support/asking.ts";
import { testApp } from "../../support/test_app.ts";

Deno.test("errors under /api/v1 are problems, with the fields they are in", async () => {
  await using app = await testApp();
  const { status, headers, body } = await app.get("/api/v1/series?metric=cpu&points=1&tier=2h");
  assert.equal(status, 400);
  assert.equal(headers.get("content-type"), PROBLEM_TYPE);
  assert.equal(body.type, "/api#wrong-request");
  assert.equal(body.status, 400);
  assert.equal(body.title, PROBLEMS["wrong-request"].title);
  assert.equal(body.detail, body.error);
  assert.deepEqual(body.errors, [
    { path: "points", message: "must be at least 2" },
    { path: "tier", message: "must be one of raw, 5m, 1h, 1d" },
  ]);

  const rule = await send(app, "POST", "/api/v1/rules", { name: "x", metric: "cpu", why: 1 });
  assert.equal(rule.body.type, "/api#wrong-rule");
  assert.deepEqual(rule.body.errors.map(({ path }: { path: string }) => path), [
    "condition",
    "why",
  ]);
  const silence = await send(app, "POST", "/api/v1/silences", { matchers: [{}], duration_s: 60 });
  assert.equal(silence.body.errors[0].path, "matchers.0.label");

  assert.equal((await app.get("/api/v1/rules/7")).body.type, "/api#not-found");
  // where there is no route at all
  const nowhere = await app.get("/api/v2/rules");
  assert.equal(nowhere.status, 404);
  assert.equal(nowhere.body.type, "/api#not-found");
});

Deno.test("errors of the other paths are as they were, unless problems are asked for", async () => {
  await using app = await testApp();
  const path = "/fetch/history/web-1/cpu?limit=0";
  const { status, headers, body } = await app.get(path);
  assert.equal(status, 400);
  assert.equal(headers.get("content-type"), "application/json");
  assert.deepEqual(Object.keys(body), ["error"]);

  const asked = await fetch(app.url + path, { headers: { accept: PROBLEM_TYPE } });
  assert.equal(asked.headers.get("content-type"), PROBLEM_TYPE);
  const problem = await asked.json();
  assert.equal(problem.error, body.error);
  assert.equal(problem.errors[0].path, "limit");

  const refused = await fetch(`${app.url}/metrics`, {
    method: "POST",
    headers: { accept: PROBLEM_TYPE },
    body: JSON.stringify({ hostname: "web-1", metrics: {} }),
  });
  assert.equal(refused.status, 400);
  const told = await refused.json();
  assert.equal(told.type, "/api#refused-report");
  assert.equal(told.refused[0].index, 0);
});

Deno.test("docs/api.md lists every type of problem, with its status", async () => {
  const text = await Deno.readTextFile("docs/api.md");
  const listed = [...text.matchAll(/^\| `([a-z-]+)` +\| (\d{3}) +\| (.*?) +\|$/gm)]
    .map(([, name, status, title]) => [name, Number(status), title]);
  const known = Object.entries(PROBLEMS).map(([name, { status, title }]) => [name, status, title]);
  assert.deepEqual(listed, known);
});
