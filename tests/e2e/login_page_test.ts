/** Logging in with a real browser, and what each role sees then. */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { systemClock } from "../../clock.ts";
import { selectToken } from "../../db/tokens.ts";
import { makeLink } from "../../server/access/session_book.ts";
import { buildWeb } from "../../tools/web.ts";
import { ask, bearer, required, tokenFor } from "../support/access.ts";
import { testBrowser } from "../support/browser.ts";
import { testApp } from "../support/test_app.ts";

async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run()") as axe.AxeResults; // as axe says
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

async function logIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(url);
  await page.fill("input[name=token]", token);
  await page.click("button[type=submit]");
}

Deno.test("the page asks for a token, remembers who was let in, and lets go of it", async () => {
  await buildWeb();
  await using app = await testApp(required);
  await using browser = await testBrowser();
  const admin = await tokenFor(app, "admin");
  const page = await browser.page({ bypass_policy: true });
  await logIn(page, `${app.url}/settings`, "mon_nonsense");
  await page.waitForSelector(".login [role=alert]");
  assert.deepEqual(await seriousFaults(page), []);
  await page.fill("input[name=token]", admin);
  await page.click("button[type=submit]");
  // the address is where it was
  await page.waitForSelector("h2:has-text('Tokens')");
  await page.reload();
  await page.click("button:has-text('New token')");
  await page.fill("dialog .field:has-text('Whose') input", "web-1");
  await page.fill("dialog .field:has-text('Only for') input", "web-1");
  await page.click("dialog button:has-text('Make it')");
  const shown = page.locator("dialog pre");
  await shown.first().waitFor();
  const token = await shown.first().innerText();
  assert.match(
    await shown.nth(1).innerText(),
    /^MONITOR_AGENT_TOKEN=mon_.* monitor agent --server/,
  );
  assert.deepEqual(await seriousFaults(page), []);
  const report = { hostname: "web-1", metrics: { cpu: 1 } };
  assert.equal((await app.post(report, bearer(token))).status, 200);
  await page.click("dialog button:has-text('Cancel')");
  await page.click("[aria-label='Take back: web-1']");
  await page.click("dialog button:has-text('Take back')");
  await page.waitForSelector("td:has-text('taken back')");
  assert.equal((await app.post(report, bearer(token))).status, 401);
  await page.click("button:has-text('Log out')");
  await page.waitForSelector("input[name=token]");
  assert.deepEqual(browser.errors, []);
});

Deno.test("the page by a link; a viewer sees, and is told what it may not", async () => {
  await buildWeb();
  await using app = await testApp(required);
  await using browser = await testBrowser();
  const agent = await tokenFor(app, "agent");
  await app.post({ hostname: "web-1", metrics: { cpu: 1 } }, bearer(agent));
  const viewer = await tokenFor(app, "viewer");
  const row = await selectToken(app.database.sql, viewer.slice(0, 12));
  assert.ok(row !== undefined);
  const link = await makeLink({ sql: app.database.sql, clock: systemClock }, row.id);
  const page = await browser.page();
  await page.goto(`${app.url}/login#${link}`);
  await page.waitForSelector(".row:has-text('web-1')");
  assert.ok(!page.url().includes("link_"));
  await page.goto(`${app.url}/settings`);
  await page.waitForSelector("text=Tokens are shown to admins");
  await page.goto(`${app.url}/hosts/web-1`);
  for (const name of ["Edit", "Silence"]) {
    // enabled until the page knows who is asking
    const button = page.getByRole("button", { name, exact: true, disabled: true });
    await button.waitFor();
    assert.match(await button.getAttribute("title") ?? "", /role operator/);
  }
  const rule = {
    name: "Busy",
    metric: "cpu",
    condition: "above",
    threshold: 90,
    severity: "warning",
  };
  const operator = await tokenFor(app, "operator");
  const { status } = await ask(app, "/api/v1/rules", {
    token: operator,
    method: "POST",
    body: rule,
  });
  assert.ok(status < 300, String(status));
  await page.goto(`${app.url}/alerts/rules`);
  await page.getByText("takes the role operator").waitFor();
  assert.ok(await page.getByRole("switch").isDisabled());
  assert.equal(await page.getByText("New rule").count(), 0);
  await page.goto(`${app.url}/downtimes?new=1`);
  await page.getByText("takes the role operator").waitFor();
  assert.equal(await page.locator(".content button.primary").count(), 0);
  const other = await browser.page();
  await other.goto(`${app.url}/login#${link}`);
  await other.waitForSelector(".login [role=alert]");
  await logIn(other, app.url, agent);
  await other.waitForSelector(".login [role=alert]:has-text('agent')");
});

Deno.test("the first page of a server that asks for tokens makes one for agents", async () => {
  await buildWeb();
  await using app = await testApp(required);
  await using browser = await testBrowser();
  const page = await browser.page({ dark: true });
  await logIn(page, app.url, await tokenFor(app, "admin"));
  await page.click("button:has-text('Make a token for agents')");
  const command = await page.locator("pre").first().innerText();
  const token = /MONITOR_AGENT_TOKEN=(\S+)/.exec(command)?.[1] ?? "";
  const { status } = await app.post({ hostname: "db-1", metrics: { cpu: 1 } }, bearer(token));
  assert.equal(status, 200);
  await page.waitForSelector(".row:has-text('db-1')");
});
