import assert from "node:assert/strict";
import { z } from "zod";
import { openApiDocument } from "../../../server/http/openapi.ts";
import { referencePage } from "../../../server/http/reference_page.ts";
import { testApp } from "../../support/test_app.ts";

Deno.test("GET /api has every route with its role, and lets in no script", async () => {
  await using app = await testApp();
  const response = await fetch(`${app.url}/api`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; /);
  const text = await response.text();
  const [, style = ""] = /<style>([^]*)<\/style>/.exec(text) ?? [];
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  assert.ok(policy.includes(new Uint8Array(hash).toBase64()), "the policy is of another style");
  for (const { method, path, access, is_page } of app.server.routes) {
    if (is_page) continue;
    const line = `<b>${method}</b><code>${path.replace(/:(\w+)/g, "{$1}")}</code>`;
    const [, rest] = text.split(line);
    assert.ok(rest, `${method} ${path} is not there`);
    assert.match(
      rest,
      new RegExp(`^<span class="about">[^<]*</span\\s*><span class="role">${access}<`),
    );
  }
  // nothing is loaded from anywhere
  assert.deepEqual(text.match(/<(script|link|img|iframe)\b|\bstyle=|\bon\w+=/g), null);
  // what a type of error leads to
  assert.ok(text.includes('<tr id="not-found">'));
  // each group is led to, and names are there once
  const ids = [...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, to] of text.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(to), to);
});

Deno.test("referencePage escapes whatever is said, and shows fields, defaults and curl", async () => {
  const bad = `<img src=x onerror="alert(1)">`;
  const document = openApiDocument([{
    method: "POST",
    path: "/api/v1/things/:id",
    access: "operator",
    summary: bad,
    query: z.object({ [bad]: z.string().describe(bad), by: z.number().default(90).describe("°") }),
    body: z.object({ note: z.string().describe(bad) }),
    answer: z.object({ list: z.array(z.object({ inner: z.enum([bad]).nullable() })) }),
    example: { body: { note: `it's ${bad}` } },
  }], bad);
  const page = await referencePage({
    document,
    style: "body { color: red }",
    problems: { "not-found": { status: 404, title: bad } },
    url: `http://${bad}`,
  });
  assert.ok(!page.includes("<img"));
  assert.ok(page.includes("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;"));
  assert.ok(page.includes("<style>body { color: red }</style>"));
  assert.match(page, /<code>by<\/code> <span[^>]*>number, 90 unless given<\/span> °/);
  assert.match(page, /<code>inner<\/code>/);
  assert.match(page, /\/api\/v1\/things\/1/);
  // a quote does not end the shell's text
  assert.ok(page.includes("it&#39;\\&#39;&#39;s"));
});
