import assert from "node:assert/strict";
import { Hono } from "hono";
import { type Guard, Routes } from "../../../server/http/routes.ts";
import { testApp } from "../../support/test_app.ts";

Deno.test("Routes asks the guard before the handler, but not for what is public", async () => {
  const app = new Hono();
  const asked: string[] = [];
  const guard: Guard = (c, { access, path }) => {
    asked.push(`${c.req.path} ${access} ${path}`);
    if (access === "admin") throw new Error("not you");
    if (access === "operator") return Promise.reject(new Error("not you either"));
  };
  const routes = new Routes(app, { guard });
  app.onError((error, c) => c.text(error.message, 403));
  routes.get("/open", { access: "public", summary: "" }, (c) => c.text("open"));
  routes.get("/seen/:id", { access: "viewer", summary: "" }, (c) => c.text(c.req.param("id")));
  routes.delete("/gone", { access: "admin", summary: "" }, (c) => c.text("gone"));
  routes.post("/done", { access: "operator", summary: "" }, (c) => c.text("done"));
  const ask = async (path: string, method = "GET") =>
    await (await app.request(path, { method })).text();
  assert.equal(await ask("/open"), "open");
  assert.equal(await ask("/seen/7"), "7");
  assert.equal(await ask("/gone", "DELETE"), "not you");
  assert.equal(await ask("/done", "POST"), "not you either");
  assert.deepEqual(asked, [
    "/seen/7 viewer /seen/:id",
    "/gone admin /gone",
    "/done operator /done",
  ]);
});

Deno.test("HEAD gives the head of what GET gives, and leaves no stream open", async () => {
  const app = new Hono();
  const routes = new Routes(app);
  let open = 0;
  routes.get("/stream", { access: "viewer", summary: "" }, () => {
    open++;
    const body = new ReadableStream({ cancel: () => void open-- });
    return new Response(body, { status: 202, headers: { "content-type": "text/x" } });
  });
  routes.get("/text", { access: "viewer", summary: "" }, (c) => c.text("text"));
  const response = await app.request("/stream", { method: "HEAD" });
  assert.deepEqual([response.status, response.headers.get("content-type")], [202, "text/x"]);
  assert.deepEqual([response.body, open], [null, 0]);
  assert.equal((await app.request("/text", { method: "HEAD" })).status, 200);
});

Deno.test("a server that is asked by HEAD exports and tells what happens as before", async () => {
  await using app = await testApp();
  await app.post({ hostname: "a", metrics: { x: 1 } });
  for (let asked = 0; asked < 5; asked++) {
    for (const path of ["/api/v1/export", "/api/v1/live"]) {
      const { status } = await fetch(app.url + path, { method: "HEAD" });
      assert.equal(status, 200, path);
    }
  }
  assert.equal((await app.get("/api/v1/export")).status, 200);
  const { body } = await app.get("/metrics");
  assert.match(body, /^monitor_server_live_streams 0$/m);
});

Deno.test("no route is made but by Routes, and each once", async () => {
  for await (const { name } of Deno.readDir("server/http")) {
    if (name === "routes.ts") continue;
    const text = await Deno.readTextFile(`server/http/${name}`);
    const found = /\bapp\.(get|post|put|patch|delete|options|all|on|use|route|mount)\(/.exec(text);
    assert.equal(found, null, `server/http/${name} makes a route without saying who may ask it`);
  }
  await using app = await testApp();
  const names = app.server.routes.map(({ method, path }) => `${method} ${path}`);
  assert.equal(new Set(names).size, names.length);
  const { body } = await app.get("/");
  for (const { is_page, path } of app.server.routes) {
    assert.equal(String(body).includes(` ${path} `), !is_page, path);
  }
});
