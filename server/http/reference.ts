/**
 * The description of the API, as the server gives it out: `GET /api/v1/openapi.json` for programs, and
 * `GET /api` for people. Both are made when the first one asks.
 */
import { z } from "zod";
import { openApiDocument } from "./openapi.ts";
import { PROBLEMS } from "./problem.ts";
import { referencePage } from "./reference_page.ts";
import type { Routes } from "./routes.ts";

/** What this route needs. */
export interface ReferenceRoute {
  version: string;
}

const STYLE = new URL("./reference.css", import.meta.url);

export function referenceRoutes(routes: Routes, { version }: ReferenceRoute): void {
  // all routes are there when somebody asks
  const documentOf = () => openApiDocument(routes.entries, version);
  let made: Promise<{ text: string; etag: string }> | undefined;
  routes.get("/api/v1/openapi.json", {
    access: "public",
    summary: "This description, as OpenAPI 3.1",
    is_local: true,
    answer: z.looseObject({ openapi: z.string() }),
  }, async (c) => {
    made ??= tagged(JSON.stringify(documentOf()));
    const { text, etag } = await made;
    const headers = { etag, "cache-control": "no-cache" };
    if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
    return c.body(text, 200, { ...headers, "content-type": "application/json" });
  });

  let style: Promise<{ text: string; policy: string }> | undefined;
  routes.get("/api", {
    access: "public",
    summary: "The API as a page",
    is_page: true,
  }, async (c) => {
    style ??= readStyle();
    const { text, policy } = await style;
    const { origin } = new URL(c.req.url);
    const page = await referencePage({
      document: documentOf(),
      style: text,
      problems: PROBLEMS,
      url: origin,
    });
    return c.body(page, 200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
    });
  });
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

async function tagged(text: string): Promise<{ text: string; etag: string }> {
  return { text, etag: `"${(await sha256(text)).toHex().slice(0, 32)}"` };
}

/** The style, and a policy that lets in this style and nothing else. */
async function readStyle(): Promise<{ text: string; policy: string }> {
  const text = await Deno.readTextFile(STYLE);
  const hash = (await sha256(text)).toBase64();
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; ` +
    "form-action 'none'; frame-ancestors 'none'";
  return { text, policy };
}
