import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { z } from "zod";
import { openApiDocument } from "../../../server/http/openapi.ts";
import type { RouteEntry } from "../../../server/http/routes.ts";
import { assertDescribed } from "../../support/described.ts";
import { testApp } from "../../support/test_app.ts";

const METHODS = ["get", "post", "put", "patch", "delete"];

Deno.test("GET /api/v1/openapi.json is OpenAPI 3.1 with every route, and nothing else", async () => {
  await using app = await testApp();
  const { status, headers, body } = await app.get("/api/v1/openapi.json");
  assert.equal(status, 200);
  const validator = new Validator();
  const found = await validator.validate(body);
  assert.deepEqual(found.errors ?? [], []);
  assert.equal(validator.version, "3.1");

  const operations = Object.entries<Record<string, { operationId: string }>>(body.paths)
    .flatMap(([path, item]) => METHODS.flatMap((method) => item[method] ? [[method, path]] : []));
  const described = operations.map(([method = "", path]) => `${method.toUpperCase()} ${path}`);
  const programs = app.server.routes.filter(({ is_page }) => !is_page);
  const registered = programs.map(({ method, path }) =>
    `${method} ${path.replace(/:(\w+)/g, "{$1}")}`
  );
  assert.deepEqual(described.sort(), registered.sort());
  for (const { method, path, answer, type } of programs) {
    assert.ok(answer ?? type, `${method} ${path} does not say what it answers`);
  }
  const text = JSON.stringify(body);
  const ids = [...text.matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id);
  assert.equal(ids.length, registered.length);
  assert.equal(new Set(ids).size, ids.length);
  // whatever is referred to is in the document
  for (const [, name = ""] of text.matchAll(/"\$ref":"([^"]*)"/g)) {
    const [, , kind = "", key = ""] = name.split("/");
    assert.ok(body.components[kind]?.[key], name);
  }

  const etag = headers.get("etag") ?? "";
  const again = await fetch(`${app.url}/api/v1/openapi.json`, {
    headers: { "if-none-match": etag },
  });
  assert.equal(again.status, 304);
  assert.equal(await again.text(), "");
});

Deno.test("openApiDocument says what a route takes, who may ask, and which errors there are", () => {
  const route: RouteEntry = {
    method: "POST",
    path: "/api/v1/things/:id/turn",
    access: "operator",
    summary: "Turns a thing",
    query: z.strictObject({
      by: z.coerce.number().int().min(1).default(90).describe("Degrees"),
      at: z.string(),
      // not in the form it has to be given in
      when: z.string().transform(Number).default(7),
      names: z.array(z.string()),
    }),
    body: z.object({ note: z.string() }),
    answer: z.object({ turned: z.boolean() }),
    statuses: [200, 202],
    errors: [409],
    example: { body: { note: "left" } },
  };
  const { paths } = openApiDocument([route, { ...route, is_page: true, path: "/page" }], "1.2.3");
  assert.deepEqual(Object.keys(paths), ["/api/v1/things/{id}/turn"]);
  const operation = paths["/api/v1/things/{id}/turn"]?.post;
  assert.ok(operation);
  const { requestBody, parameters, responses } = operation;
  assert.equal(operation["x-role"], "operator");
  assert.match(operation.description, /role operator/);
  assert.deepEqual(operation.tags, ["things"]);
  assert.deepEqual(parameters?.map(({ name, required }) => [name, required]), [
    ["id", true],
    ["by", false],
    ["at", true],
    ["when", false],
    ["names", false],
  ]);
  assert.equal(parameters?.[1]?.description, "Degrees");
  assert.equal(parameters?.[1]?.schema.default, 90);
  assert.deepEqual(parameters?.[3]?.schema, { type: "string" });
  assert.equal(requestBody?.required, true);
  assert.deepEqual(requestBody?.content["application/json"]?.example, { note: "left" });
  assert.deepEqual(Object.keys(responses), [
    ...["200", "202", "400", "401", "403", "404", "409", "429", "503"],
  ]);
});

Deno.test("assertDescribed sees answers that are not as they are described", () => {
  const entries: RouteEntry[] = [{
    method: "GET",
    path: "/things/:id",
    access: "public",
    summary: "",
    answer: z.object({ name: z.string() }),
  }];
  const check = (body: unknown, status = 200) => () => {
    const headers = new Headers({ "content-type": "application/json" });
    assertDescribed(entries, { method: "GET", path: "/things/7?a=b" }, { status, headers, body });
  };
  check({ name: "x" })();
  check({ error: "x" }, 404)();
  assert.throws(check({ name: 1 }), /expected string/);
  assert.throws(check({ name: "x", more: 1 }), /not described/);
  assert.throws(check({ name: "x" }, 404), /error/);
  assert.throws(check({ name: "x" }, 201), /status 201/);
});
