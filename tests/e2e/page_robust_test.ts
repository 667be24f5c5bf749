/** The page when things go wrong around it, and with hosts that are not like others. */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { buildWeb } from "../../tools/web.ts";
import { testBrowser } from "../support/browser.ts";
import { freePort } from "../support/free_port.ts";
import { testApp } from "../support/test_app.ts";
import { testDatabase } from "../support/test_database.ts";

function nowS(): number {
  return Math.floor(systemClock.now() / 1000);
}

function report(hostname: string, cpu_usage: number) {
  return { hostname, timestamp: nowS(), metrics: { cpu_usage } };
}

Deno.test("the page finds its server again, and lets go of it while nobody sees it", async (t) => {
  await buildWeb();
  await using database = await testDatabase();
  await using browser = await testBrowser();
  const page = await browser.page();
  const isOn = page.locator(".dot.on");
  const port = freePort();

  await t.step("the server goes away: what was known stays", async () => {
    await using app = await testApp({ database, port });
    await app.post(report("web-1", 41));
    await page.goto(app.url);
    await page.locator(".row", { hasText: "41.0" }).waitFor();
    await isOn.waitFor();
  });
  await isOn.waitFor({ state: "detached" });
  await page.locator(".row", { hasText: "41.0" }).waitFor();

  await t.step("it comes back: so does everything, without a reload", async () => {
    await using app = await testApp({ database, port });
    await app.post(report("web-2", 52));
    await page.locator(".row", { hasText: "52.0" }).waitFor();
    await isOn.waitFor();

    const setHidden = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, "hidden", {
        configurable: true, get: () => ${hidden},
      }), document.dispatchEvent(new Event("visibilitychange"))`);
    await setHidden(true);
    await isOn.waitFor({ state: "detached" });
    await app.post(report("web-1", 63));
    await setHidden(false);
    await page.locator(".row", { hasText: "63.0" }).waitFor();
  });
  assert.deepEqual(browser.errors, []);
});

Deno.test("the page shows hosts that are not like others", async (t) => {
  await buildWeb();
  await using app = await testApp();
  await using browser = await testBrowser();
  const long = `queue.${"very_long_name_of_a_part.".repeat(8)}depth`;
  const many = Object.fromEntries(Array.from({ length: 499 }, (_, i) => [`m${i}.value`, i]));
  const now_s = nowS();
  await app.post(
    [600, 300, 0].map((ago_s) => ({
      hostname: "many",
      timestamp: now_s - ago_s,
      metrics: { ...many, [long]: 7 },
      additional_data: { location: "Oslo" },
      tags: { role: "odd one", empty: "" },
    })),
  );
  await app.post(report("plain", 12));
  await app.post({
    hostname: "plain",
    timestamp: now_s - 1_800,
    metrics: { cpu_usage: { value: null, message: "<b>it</b> failed" } },
  });

  await t.step("without a processor's numbers: dashes, and a way to find it by tag", async () => {
    const page = await browser.page();
    await page.goto(app.url);
    await page.locator(".row", { hasText: "many" }).getByText("–").first().waitFor();
    assert.doesNotMatch(await page.locator(".content").innerText(), /NaN|undefined|-0/);
    await page.getByLabel("All tags").selectOption({ label: "role=odd one (1)" });
    await page.locator(".row").getByText("plain").waitFor({ state: "detached" });
    assert.equal(new URL(page.url()).searchParams.get("q"), '"tag:role=odd one"');
    await page.getByLabel("All tags").selectOption({ label: "All tags" });
    await page.locator(".row", { hasText: "plain" }).waitFor();
    await page.close();
  });

  await t.step("five hundred metrics: charts for what is in sight, nothing too wide", async () => {
    const page = await browser.page();
    await page.goto(`${app.url}/hosts/many`);
    await page.waitForSelector(".chart canvas");
    assert.equal(await page.locator(".chart").count(), 500);
    const drawn = await page.locator(".chart canvas").count();
    assert(drawn < 60, `${drawn} are drawn`);
    await page.getByLabel("Filter metrics").fill("very_long depth");
    await page.waitForFunction("document.querySelectorAll('.chart').length === 1");
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 1280);
    await page.getByRole("button", { name: "Collectors" }).click();
    await page.getByText("No agent reports").waitFor();
    await page.close();
  });

  await t.step("a browser's clock that is three hours ahead moves nothing", async () => {
    // who says nothing for a minute is silent, and a busy machine takes minutes
    await app.post(report("plain", 12));
    const page = await browser.page();
    await page.addInitScript("{ const now = Date.now; Date.now = () => now() + 10_800_000; }");
    await page.goto(`${app.url}/hosts/plain`);
    await page.locator(".chart .now", { hasText: "12" }).waitFor();
    assert.equal(await page.locator(".banner").count(), 0);
    await page.close();
  });

  await t.step(
    "an answer to a question of before changes nothing, however late it comes",
    async () => {
      const [start, end] = [now_s - 600, now_s + 600];
      const body = JSON.stringify({ hosts: ["plain"], start, end });
      assert.equal(
        (await fetch(`${app.url}/api/v1/downtimes`, { method: "POST", body })).status,
        201,
      );
      const page = await browser.page();
      // before the server has said what time it is, the page asks for other days
      await page.addInitScript(
        "{ const now = Date.now; Date.now = () => now() + 30 * 86_400_000; }",
      );
      const moment = () => Promise.withResolvers<void>();
      const [asked, held, answered] = [moment(), moment(), moment()];
      // hosts come with the server's time: not before the first question, whatever is faster today
      await page.route(/api\/v1\/hosts$/, async (route) => {
        await asked.promise;
        await route.continue();
      });
      let count = 0;
      await page.route(/downtimes\/spans/, async (route) => {
        const is_first = count++ === 0;
        asked.resolve();
        const response = await route.fetch();
        if (is_first) await held.promise;
        // the page may have given it up
        await route.fulfill({ response }).catch(() => {});
        if (is_first) answered.resolve();
      });
      await page.goto(`${app.url}/downtimes`);
      await page.locator(".calendar b").waitFor();
      held.resolve();
      await answered.promise;
      await page.evaluate(
        "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))",
      );
      assert.equal(await page.locator(".calendar b").count(), 1);
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await page.close();
    },
  );

  await t.step("what a collector said is on the axis, and among the collectors", async () => {
    const page = await browser.page();
    await page.goto(`${app.url}/hosts/plain`);
    await page.waitForSelector(".chart canvas");
    const plot = page.locator(".chart .u-over").first();
    // the host is in a downtime by now: its banner moves the charts down when it comes
    await page.locator(".banner.downtime").waitFor();
    const said = page.locator(".said", { hasText: "<b>it</b> failed" });
    // half an hour ago is in the middle when the test begins, and further left with every second since
    for (let move = 0; move < 300 && !await said.isVisible(); move++) {
      const box = await plot.boundingBox();
      assert(box !== null);
      await page.mouse.move(box.x + box.width / 2 - 2 * (move % 100), box.y + 40);
      await systemClock.sleep(50);
    }
    await said.waitFor();
    await page.getByRole("button", { name: "Collectors" }).click();
    await page.getByRole("cell", { name: "<b>it</b> failed" }).waitFor();
    await page.close();
  });

  await t.step("addresses that are nothing say so", async () => {
    const page = await browser.page();
    const answer = await page.goto(`${app.url}/no/such/page`);
    assert.equal(answer?.status(), 404);
    await page.getByRole("heading", { name: "There is no such page" }).waitFor();
    await page.goto(`${app.url}/hosts/nobody`);
    await page.getByRole("heading", { name: "There is no host nobody" }).waitFor();
    await page.getByRole("link", { name: "Go to the overview" }).click();
    await page.locator(".row", { hasText: "plain" }).waitFor();
    await page.close();
  });

  await t.step("any two moments, and back", async () => {
    const page = await browser.page();
    await page.goto(`${app.url}/hosts/plain?from=now-6h`);
    await page.waitForSelector(".chart canvas");
    await page.getByLabel("Time range").selectOption({ label: "other…" });
    await page.getByLabel("From").fill("2026-01-01T10:00:00");
    await page.getByLabel("To", { exact: true }).fill("2026-01-01T09:00:00");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText("From has to be before to.").waitFor();
    await page.getByLabel("To", { exact: true }).fill("2026-01-01T11:00:00");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText("Nothing was reported in this time.").waitFor();
    await page.getByRole("button", { name: "Resume live" }).click();
    await page.waitForSelector(".chart canvas");
    assert.equal(new URL(page.url()).search, "?from=now-6h");
    await page.close();
  });
  assert.deepEqual(browser.errors, []);
});
