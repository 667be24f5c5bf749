/** The description of the API in a real browser: read by everybody, with no script and on a phone. */
import assert from "node:assert/strict";
import axe from "axe-core";
import { buildWeb } from "../../tools/web.ts";
import { testBrowser } from "../support/browser.ts";
import { testApp } from "../support/test_app.ts";

Deno.test("GET /api is accessible, light and dark, and fits a phone", async (t) => {
  await buildWeb();
  await using app = await testApp();
  await using browser = await testBrowser();
  for (const dark of [false, true]) {
    await t.step(dark ? "dark, on a phone" : "light", async () => {
      const page = await browser.page({ dark, width: dark ? 390 : 1_200, bypass_policy: true });
      await page.goto(`${app.url}/api`);
      await page.click("summary:has-text('/api/v1/series')");
      await page.waitForSelector("details[open] code:has-text('aggregate')");
      await page.click("summary:has-text('Makes a downtime'):has-text('/api/v1/downtimes')");
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate("axe.run()") as axe.AxeResults; // as axe says
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0]?.html]), []);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(width) <= (dark ? 390 : 1_200), `it is ${width} wide`);
    });
  }
  // with its own policy: the style is let in; the settings lead to it
  const page = await browser.page();
  await page.goto(`${app.url}/settings`);
  await page.click("a:has-text('the HTTP API')");
  await page.waitForSelector("h1:has-text('The HTTP API')");
  assert.equal(await page.locator("details[open]").count(), 0);
  assert.equal(
    await page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize"),
    "20px",
  );
  assert.deepEqual(browser.errors, []);
});
