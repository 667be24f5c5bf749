/** What the page shows of the server itself, in a real browser. */
import assert from "node:assert/strict";
import axe from "axe-core";
import { systemClock } from "../../clock.ts";
import { buildWeb } from "../../tools/web.ts";
import { testBrowser } from "../support/browser.ts";
import { testApp } from "../support/test_app.ts";

Deno.test("the page shows how the server is, and its hosts before the server", async (t) => {
  await buildWeb();
  await using app = await testApp({ config: { own_metrics: { every_s: 1 } } });
  await using browser = await testBrowser();
  const page = await browser.page();

  await t.step("a server that knows only itself says what to do next", async () => {
    await page.goto(app.url);
    await page.getByText("No host reports yet").waitFor();
  });

  await t.step("settings have its checks and numbers, up to date", async () => {
    await page.goto(`${app.url}/settings`);
    await page.getByText("PostgreSQL answers").waitFor();
    const memory = page.getByRole("row", { name: /^Memory/ });
    await memory.waitFor();
    assert.match(await memory.innerText(), /\d\s*[MG]iB/);
    const commit = page.getByRole("row", { name: /^Commit/ });
    assert.match(await commit.innerText(), /\d\s*[mµ]?s\s*$/);
    await page.waitForFunction("document.querySelector('.server .spark path')?.getAttribute('d')");
  });

  await t.step("all its numbers are one click away, a chart for each", async () => {
    await page.getByRole("link", { name: "All its numbers" }).click();
    await page.getByRole("heading", { name: "monitor_server_reports_total" }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/hosts/monitor-server");
  });

  await t.step("hosts stand before the server, which is not counted as one", async () => {
    const timestamp = Math.floor(systemClock.now() / 1000);
    await app.post({ hostname: "zebra", timestamp, metrics: { cpu_usage: 1 } });
    await page.goto(app.url);
    await page.locator(".row", { hasText: "zebra" }).waitFor();
    const names = await page.locator(".row bdi").allInnerTexts();
    assert.deepEqual(names.filter((name) => name !== "monitor=server"), [
      "zebra",
      "monitor-server",
    ]);
    await page.getByText("1 hosts, all report").waitFor();
  });

  await t.step(
    "on a phone nothing is wider than the screen, and axe finds nothing serious",
    async () => {
      for (const dark of [false, true]) {
        const phone = await browser.page({ width: 360, height: 740, dark, bypass_policy: true });
        await phone.goto(`${app.url}/settings`);
        await phone.getByRole("row", { name: /^Memory/ }).waitFor();
        assert(Number(await phone.evaluate("document.documentElement.scrollWidth")) <= 360);
        await phone.addScriptTag({ content: axe.source });
        const found = await phone.evaluate("axe.run()") as axe.AxeResults; // as axe documents it
        const serious = found.violations.filter(({ impact }) =>
          impact === "serious" || impact === "critical"
        );
        assert.deepEqual(serious.map(({ id, nodes }) => [dark, id, nodes[0]?.html]), []);
      }
    },
  );
  assert.deepEqual(browser.errors, []);
});
