/** The page is served to browsers, text to programs, and nothing else of the disk to anybody. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { Hono } from "hono";
import { Routes } from "../../../server/http/routes.ts";
import { webRoutes } from "../../../server/http/web.ts";
import { buildWeb } from "../../../tools/web.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { testApp } from "../../support/test_app.ts";

Deno.test("GET / is the page for a browser and text for a program", async () => {
  await buildWeb();
  await using app = await testApp();
  const program = await app.get("/");
  assert.equal(program.status, 200);
  assert.match(program.body, /monitor .* is running/);
  const asBrowser = async (path: string) => {
    const response = await fetch(app.url + path, { headers: { accept: "text/html,*/*" } });
    return { headers: response.headers, status: response.status, text: await response.text() };
  };
  for (const path of ["/", "/hosts/web-1", "/hosts/%3Cscript%3E", "/explore", "/settings"]) {
    const { headers, status, text } = await asBrowser(path);
    assert.equal(status, 200, path);
    assert.match(headers.get("content-type") ?? "", /^text\/html/);
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    // nothing of the address is in the page
    assert.doesNotMatch(text, /web-1|%3C|<script>/);
    assert.doesNotMatch(text, /%[A-Z]+%/);
    for (const [, asset = ""] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const got = await fetch(app.url + asset);
      assert.equal(got.status, 200, asset);
      assert.match(got.headers.get("cache-control") ?? "", /immutable/);
      await got.body?.cancel();
    }
  }
  assert.equal((await app.get("/explore")).status, 404);
  // the page itself says that there is nothing; who asks for data is told as data
  const lost = await asBrowser("/nothing/here");
  assert.deepEqual([lost.status, lost.text], [404, (await asBrowser("/")).text]);
  const data = await asBrowser("/api/v1/nothing");
  assert.deepEqual([data.status, JSON.parse(data.text).error], [
    404,
    "Cannot find GET /api/v1/nothing",
  ]);
});

Deno.test("GET /assets/… gives nothing but what was built", async () => {
  await using app = await testApp();
  for (
    const name of [
      "..%2f..%2fserve.ts",
      "../../deno.json",
      "index.html",
      "sources.sha256",
      "x.js",
      "",
    ]
  ) {
    assert.equal((await app.get(`/assets/${name}`)).status, 404, name);
  }
});

Deno.test("a page that was not built says how to build it; programs get what they always get", async () => {
  await using dir = await tempDir();
  const app = new Hono();
  webRoutes(new Routes(app), { greeting: () => "hello", folder: pathToFileURL(`${dir.path}/`) });
  const seen = await app.request("/", { headers: { accept: "text/html" } });
  assert.equal(seen.status, 503);
  assert.match(await seen.text(), /<p>.*its page is not built: run <code>deno task web<\/code>/);
  const program = await app.request("/");
  assert.deepEqual([program.status, await program.text()], [200, "hello"]);
});
