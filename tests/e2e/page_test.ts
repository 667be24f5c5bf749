/** The page in a real browser, against a real server with real reports. */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { systemClock } from "../../clock.ts";
import { buildWeb } from "../../tools/web.ts";
import { testBrowser } from "../support/browser.ts";
import { type TestApp, testApp } from "../support/test_app.ts";

const HOSTILE = [
  '<script>document.title="gone"</script>',
  "<img src=x onerror=\"document.title='gone'\">",
  "\u202edrow-lortnoc",
  "😀 emoji",
  "x".repeat(255),
  "a/b?c#d%2F",
];

function report(hostname: string, at_s: number, cpu: number) {
  return {
    hostname,
    timestamp: at_s,
    metrics: {
      cpu_usage: cpu,
      "cpu_usage.user": cpu * 0.7,
      "cpu_usage.system": cpu * 0.3,
      memory_usage: 41,
      "disk.root.used_percent": 77,
      "network.eth0.rx_bytes_total": Math.round(at_s) * 1_000 % 1e12,
      "network.eth0.tx_bytes_total": Math.round(at_s) * 500 % 1e12,
    },
    metadata: {
      cpu_usage: { unit: "%" },
      "network.eth0.rx_bytes_total": { unit: "B", kind: "counter" as const },
    },
  };
}

/** Ten minutes of some hosts. */
async function appWithHosts(hostnames: readonly string[]): Promise<TestApp> {
  await buildWeb();
  const app = await testApp();
  const now_s = Math.floor(systemClock.now() / 1000);
  const batch = hostnames.flatMap((hostname, host) =>
    Array.from({ length: 60 }, (_, i) => report(hostname, now_s - 600 + i * 10, 20 + host + i % 5))
  );
  const { status, body } = await app.post(batch);
  assert.equal(status, 200, JSON.stringify(body));
  return app;
}

/** Reports anew: who says nothing for a minute is silent, and a busy machine takes minutes. */
async function keepAwake(app: TestApp, hostnames: readonly string[]): Promise<void> {
  const at_s = Math.floor(systemClock.now() / 1000);
  const { status } = await app.post(hostnames.map((name, host) => report(name, at_s, 20 + host)));
  assert.equal(status, 200);
}

async function textOf(page: Page, selector: string): Promise<string> {
  return await page.locator(selector).first().innerText();
}

Deno.test("the page: hosts at a glance, live, searched, opened, in both themes and on a phone", async (t) => {
  await using app = await appWithHosts(["web-1", "web-2", "db-1"]);
  await using browser = await testBrowser();
  const page = await browser.page();
  await keepAwake(app, ["web-1", "web-2", "db-1"]);
  await page.goto(app.url);
  await page.waitForSelector(".row >> nth=2");

  await t.step("overview", async () => {
    assert.match(await textOf(page, ".bar"), /3 hosts, all report/);
    const row = page.locator(".row", { hasText: "web-1" });
    assert.match(
      (await row.innerText()).replaceAll("\u2009", " "),
      /2\d\.\d %[\s\S]*41\.0 %[\s\S]*77\.0 %/,
    );
    await page.waitForSelector(".spark path");
  });

  await t.step("a report is seen within two seconds, without a reload", async () => {
    await app.post(report("web-1", Math.floor(systemClock.now() / 1000), 99));
    await page.locator(".row", { hasText: "web-1" }).getByText("99").waitFor();
    await app.post(report("new-1", Math.floor(systemClock.now() / 1000), 5));
    await page.locator(".row", { hasText: "new-1" }).waitFor();
  });

  await t.step("search and keyboard", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("web");
    await page.waitForFunction("document.querySelectorAll('.row').length === 2");
    assert.equal(new URL(page.url()).searchParams.get("q"), "web");
    await page.keyboard.press("Escape");
    await keepAwake(app, ["web-1", "web-2"]);
    await page.waitForFunction("document.querySelector('.row.stale') === null");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".chart canvas");
    assert.equal(new URL(page.url()).pathname, "/hosts/web-1");
  });

  await t.step("a host's charts, its newest values, and what people say of it", async () => {
    const titles = await page.locator(".chart h3").allInnerTexts();
    assert.deepEqual(titles, [
      "Processors busy",
      "Processors by mode",
      "Memory in use",
      "Disks, space used",
      "eth0 traffic",
    ]);
    await page.getByRole("button", { name: "Latest values" }).click();
    await page.getByRole("cell", { name: "network.eth0.rx_bytes_total" }).waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Alias").fill("Shop");
    await page.getByLabel("Tags").fill("role=web\nenv=prod");
    await page.getByLabel("Behind these hosts").fill("nowhere");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("nowhere").waitFor();
    await page.getByLabel("Behind these hosts").fill("web-2\n");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Shop" }).waitFor();
    assert.deepEqual((await app.get("/api/v1/parents")).body.parents, { "web-1": ["web-2"] });
    await page.getByRole("button", { name: "Edit" }).click();
    const behind = page.getByLabel("Behind these hosts");
    while (await behind.inputValue() !== "web-2") await systemClock.sleep(20);
    await page.getByLabel("Behind these hosts").fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator("dialog[open]").waitFor({ state: "detached" });
    assert.deepEqual((await app.get("/api/v1/parents")).body.parents, {});
    await page.goBack();
  });

  await t.step("zoom by dragging, back by the browser", async () => {
    const plot = page.locator(".chart .u-over").first();
    const box = await plot.boundingBox();
    assert(box !== null);
    await page.mouse.move(box.x + box.width * 0.85, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.95, box.y + 40, { steps: 4 });
    await page.mouse.up();
    await page.getByRole("button", { name: "Resume live" }).waitFor();
    const { searchParams } = new URL(page.url());
    const zoomed_s = Number(searchParams.get("to")) - Number(searchParams.get("from"));
    assert(zoomed_s > 200 && zoomed_s < 500, String(zoomed_s));
    await page.goBack();
    await page.getByRole("button", { name: "Resume live" }).waitFor({ state: "detached" });
  });

  await t.step("explore by its address", async () => {
    await page.goto(`${app.url}/explore?metric=cpu_usage&host=web-*&aggregate=avg`);
    await page.waitForSelector(".chart canvas");
    assert.match(await textOf(page, ".content"), /1 series/);
    await page.goto(`${app.url}/explore?metric=cpu_usage&host=web-*`);
    const csv = await page.getByText("Download CSV").getAttribute("href");
    const answer = await fetch(app.url + csv);
    assert.match(await answer.text(), /^host,metric,timestamp,value\nweb-1,cpu_usage,/);
    await page.getByText("2 series").waitFor();
    const answered = page.waitForResponse((response) => /aggregate=p95/.test(response.url()));
    await page.getByLabel("Over hosts").selectOption("p95");
    const { series } = await (await answered).json();
    assert.equal(series[0].hosts, 2);
    assert.equal(series[0].p95.length, series[0].t.length);
    await page.waitForSelector(".chart canvas");
    assert.equal(await page.getByRole("alert").count(), 0);
    // the address alone shows it again
    await page.reload();
    await page.waitForSelector(".chart canvas");
    const link = page.locator("a[href^='data:text/csv']");
    const download = page.waitForEvent("download");
    await link.click();
    const path = await (await download).path();
    assert.match(await Deno.readTextFile(path), /^metric,hosts,timestamp,value\ncpu_usage,2,\d/);
    await page.goto(`${app.url}/explore?metric=nothing.like.this*`);
    await page.getByText("No series matches.").waitFor();
  });

  await t.step("settings say what the data weighs", async () => {
    await page.goto(`${app.url}/settings`);
    await page.getByRole("cell", { name: "hot" }).waitFor();
  });

  await t.step("a phone: nothing is wider than the screen", async () => {
    for (
      const path of ["/", "/?view=tiles", "/hosts/web-1", "/explore?metric=cpu_usage", "/settings"]
    ) {
      const phone = await browser.page({ width: 360, height: 740 });
      await phone.goto(app.url + path);
      await phone.waitForSelector(".content .bar");
      const wide = await phone.evaluate("document.documentElement.scrollWidth");
      assert(Number(wide) <= 360, `${path} is ${wide} wide`);
    }
  });

  await t.step("axe finds no serious violation, light or dark", async () => {
    for (
      const path of [
        "/",
        "/?view=tiles",
        "/?view=wall",
        "/hosts/web-1",
        "/explore?metric=cpu_usage",
        "/settings",
      ]
    ) {
      for (const dark of path.length < 3 || path.startsWith("/hosts") ? [false, true] : [false]) {
        const seen = await browser.page({ dark, bypass_policy: true });
        // rows of silent hosts are pale
        await keepAwake(app, ["web-1", "web-2", "db-1", "new-1"]);
        await seen.goto(app.url + path);
        await seen.waitForSelector(".bar h1");
        await seen.addScriptTag({ content: axe.source });
        const found = await seen.evaluate("axe.run()") as axe.AxeResults; // as axe documents it
        const serious = found.violations.filter(({ impact }) =>
          impact === "serious" || impact === "critical"
        );
        assert.deepEqual(serious.map(({ id, nodes }) => [path, dark, id, nodes[0]?.html]), []);
        await seen.close();
      }
    }
  });
  assert.deepEqual(browser.errors, []);
});

Deno.test("the page shows hostile names as text", async () => {
  await using app = await appWithHosts(HOSTILE);
  await using browser = await testBrowser();
  const page = await browser.page();
  await page.goto(app.url);
  await page.waitForSelector(`.row >> nth=${HOSTILE.length - 1}`);
  const names = await page.locator(".row bdi").allInnerTexts();
  assert.deepEqual(names.sort(), HOSTILE.toSorted());
  for (const name of HOSTILE) {
    await page.goto(`${app.url}/hosts/${encodeURIComponent(name)}`);
    await page.waitForSelector(".chart canvas");
    assert.equal(await page.locator("h1 bdi").innerText(), name);
    assert.equal(await page.title(), `${name} · monitor`);
  }
  assert.deepEqual(browser.errors, []);
});

Deno.test("the page of a server without hosts says what to do", async () => {
  await buildWeb();
  await using app = await testApp();
  await using browser = await testBrowser();
  const page = await browser.page();
  await page.goto(app.url);
  await page.getByRole("heading", { name: "No host reports yet" }).waitFor();
  assert.match(await textOf(page, "pre"), /monitor agent --server http:\/\/127\.0\.0\.1:\d+/);
  await app.post({ hostname: "first", metrics: { cpu_usage: 1 } });
  await page.locator(".row", { hasText: "first" }).waitFor();
});
