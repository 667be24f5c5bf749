/** The description of the API, as the server gives it out: `GET /api/v1/openapi.json`. */
import { z } from "zod";
import { openApiDocument } from "./openapi.ts";
import type { Routes } from "./routes.ts";

/** What this route needs. */
export interface ReferenceRoute {
  version: string;
}

export function referenceRoutes(routes: Routes, { version }: ReferenceRoute): void {
  // the routes are all there when the first one asks
  let made: Promise<{ text: string; etag: string }> | undefined;
  routes.get("/api/v1/openapi.json", {
    access: "public",
    summary: "This description, as OpenAPI 3.1",
    is_local: true,
    answer: z.looseObject({ openapi: z.string() }),
  }, async (c) => {
    made ??= tagged(JSON.stringify(openApiDocument(routes.entries, version)));
    const { text, etag } = await made;
    const headers = { etag, "cache-control": "no-cache" };
    if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
    return c.body(text, 200, { ...headers, "content-type": "application/json" });
  });
}

async function tagged(text: string): Promise<{ text: string; etag: string }> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { text, etag: `"${new Uint8Array(hash).toHex().slice(0, 32)}"` };
}
