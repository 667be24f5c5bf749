/**
 * The page: `GET /` for a browser, and for every address the page itself makes of its state. Files come
 * from `server/web/static/`, which tools/web.ts builds.
 *
 * Names of scripts and styles hold their content's hash, so browsers may keep them for ever; the page
 * that names them is asked for each time. The policy lets nothing run that is not one of these files:
 * whatever a host calls itself cannot become a script.
 */
import type { Context } from "hono";
import type { Routes } from "./routes.ts";

export interface WebRoute {
  /** What `GET /` says to a program. */
  greeting: () => string;
  /** Where the built page is. Default: beside its sources. */
  folder?: URL;
}

const FOLDER = new URL("../web/static/", import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  webmanifest: "application/manifest+json",
};
const FILE_NAME = /^[\w-]+(\.[\w-]+)*\.(css|js|svg|webmanifest)$/;
/** Addresses of data: what is not there is told as data. */
const DATA = /^\/(api|fetch|assets)\//;
/** Addresses of the page; each is answered with the same file, which looks at the address itself. */
const PAGES = [
  "/",
  "/hosts/:name",
  "/explore",
  "/alerts",
  "/alerts/*",
  "/downtimes",
  "/settings",
  "/login",
];

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
};

/** A built file, or undefined when there is none (the page was not built, or is of another version). */
async function read(name: string, folder = FOLDER): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(new URL(name, folder));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

/** A program gets text, which is what the original said; a browser asks for HTML. */
function isBrowser(c: Context): boolean {
  return c.req.header("accept")?.includes("text/html") ?? false;
}

/** A source tree has no page until it is built; whoever runs one can do that. */
const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>monitor</title>
<p>The server runs, but its page is not built: run <code>deno task web</code> where you started it,
then reload.
`;

async function answerPage(c: Context, status: 200 | 404, folder?: URL): Promise<Response> {
  const page = await read("index.html", folder) ?? NOT_BUILT;
  return c.body(page, page === NOT_BUILT ? 503 : status, {
    ...PAGE_HEADERS,
    "content-type": TYPES.html ?? "",
  });
}

/** For a browser at an address that is nothing: the page, which says so. Else undefined. */
export async function pageNotFound(c: Context): Promise<Response | undefined> {
  const is_page = c.req.method === "GET" && isBrowser(c) && !DATA.test(c.req.path);
  return is_page ? await answerPage(c, 404) : undefined;
}

export function webRoutes(routes: Routes, route: WebRoute): void {
  for (const path of PAGES) {
    const summary = path === "/" ? "The page; for programs, this text" : "The page";
    routes.get(path, { access: "public", summary, is_page: true }, async (c) => {
      c.header("vary", "accept");
      if (!isBrowser(c)) return path === "/" ? c.text(route.greeting()) : c.notFound();
      return await answerPage(c, 200, route.folder);
    });
  }

  routes.get(
    "/assets/:name",
    { access: "public", summary: "A file of the page", is_page: true },
    async (c) => {
      const name = c.req.param("name");
      const ending = FILE_NAME.exec(name)?.[2];
      const bytes = ending === undefined ? undefined : await read(name, route.folder);
      if (bytes === undefined) return c.notFound();
      return c.body(bytes, 200, {
        "content-type": TYPES[ending ?? ""] ?? "application/octet-stream",
        "cache-control": "public, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
      });
    },
  );
}
