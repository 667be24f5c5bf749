/** The page when questions fail, and when answers come late or in another order. */
import assert from "node:assert/strict";
import type { Page, Route } from "playwright-core";
import { systemClock } from "../../clock.ts";
import { buildWeb } from "../../tools/web.ts";
import { testBrowser } from "../support/browser.ts";
import { type TestApp, testApp } from "../support/test_app.ts";

const REFUSED = { status: 503, json: { error: "The server is restarting." } };

/** Looks at what reports change, one after each. */
const LOOKS = 300;

async function post(app: TestApp, cpu_usage: number): Promise<void> {
  await systemClock.sleep(50);
  const timestamp = systemClock.now() / 1000;
  const { status } = await app.post({ hostname: "web-1", timestamp, metrics: { cpu_usage } });
  assert.equal(status, 200);
}

/** Two frames later everything that was under way is drawn. */
async function drawn(page: Page): Promise<void> {
  await page.evaluate(
    "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))",
  );
}

/** Keeps one answer back until it is let go; `take` says which, and what it is then. */
async function hold(page: Page, path: RegExp, take: (route: Route) => Promise<(() => unknown)>) {
  const moment = () => Promise.withResolvers<void>();
  const [asked, let_go, done] = [moment(), moment(), moment()];
  await page.route(path, async (route) => {
    const answer = await take(route);
    asked.resolve();
    await let_go.promise;
    await answer();
    done.resolve();
  }, { times: 1 });
  return {
    asked: asked.promise,
    letGo: async () => {
      let_go.resolve();
      await done.promise;
      await drawn(page);
    },
  };
}

Deno.test("the page goes on when a question was not answered, or late", async (t) => {
  await buildWeb();
  await using app = await testApp();
  await using browser = await testBrowser();
  const page = await browser.page();
  const error = page.locator(".banner.error");
  await post(app, 10);

  await t.step("a host whose series could not be read is asked for again", async () => {
    await page.route(/api\/v1\/series/, (route) => route.fulfill(REFUSED));
    await page.goto(`${app.url}/hosts/web-1`);
    await error.waitFor();
    await page.unroute(/api\/v1\/series/);
    const chart = page.locator(".chart canvas");
    for (let i = 0; i < LOOKS && !await chart.isVisible(); i++) await post(app, 10);
    await chart.waitFor();
    await error.waitFor({ state: "detached" });
  });

  await t.step("a newer report stays when what was asked for before comes", async () => {
    const late = await hold(page, /fetch\/latest/, async (route) => {
      const response = await route.fetch();
      return () => route.fulfill({ response });
    });
    await page.goto(`${app.url}/hosts/web-1?view=latest`);
    await late.asked;
    const cell = page.getByRole("row", { name: "cpu_usage" }).getByText("77");
    for (let i = 0; i < LOOKS && !await cell.isVisible(); i++) await post(app, 77);
    await cell.waitFor();
    await late.letGo();
    assert(await cell.isVisible());
  });

  await t.step("what fails of the range before is not said of the one that is shown", async () => {
    await page.goto(`${app.url}/hosts/web-1`);
    await page.locator(".chart canvas").waitFor();
    const late = await hold(page, /api\/v1\/series\?metric=\*/, (route) => {
      return Promise.resolve(() => route.fulfill(REFUSED));
    });
    const posting = { on: true };
    const asked = late.asked.then(() => posting.on = false);
    for (let i = 0; i < LOOKS && posting.on; i++) await post(app, 20);
    await asked;
    await page.getByLabel("Time range").selectOption({ label: "other…" });
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByRole("button", { name: "Resume live" }).waitFor();
    await page.locator(".chart canvas").waitFor();
    await late.letGo();
    assert.equal(await error.count(), 0);
  });

  await t.step("the calendar of downtimes comes back", async () => {
    const body = () => {
      const start = Math.floor(systemClock.now() / 1000);
      return { hosts: ["web-*"], start, end: start + 3_600 };
    };
    const plan = async () => {
      const sent = { method: "POST", body: JSON.stringify(body()) };
      const response = await fetch(`${app.url}/api/v1/downtimes`, sent);
      assert.equal(response.status, 201);
      await response.body?.cancel();
    };
    await plan();
    await page.route(/downtimes\/spans/, (route) => route.fulfill(REFUSED));
    await page.goto(`${app.url}/downtimes`);
    await error.waitFor();
    await page.unroute(/downtimes\/spans/);
    await plan();
    await page.locator(".calendar b").first().waitFor();
  });

  await t.step("who edits a host leaves what others have said of it meanwhile", async () => {
    await page.goto(`${app.url}/hosts/web-1`);
    await page.getByRole("button", { name: "Edit" }).waitFor();
    const body = JSON.stringify({ tags: { role: "db" } });
    const patched = await fetch(`${app.url}/api/v1/hosts/web-1`, { method: "PATCH", body });
    assert(patched.ok);
    await patched.body?.cancel();
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Alias").fill("Shop");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Shop" }).waitFor();
    await page.locator(".tag", { hasText: "role=db" }).waitFor();
  });
  assert.deepEqual(browser.errors, []);
});
