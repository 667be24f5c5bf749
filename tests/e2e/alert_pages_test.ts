/** Alerts and downtimes in a real browser, against a real server that evaluates real reports. */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { systemClock } from "../../clock.ts";
import { buildWeb } from "../../tools/web.ts";
import { type TestBrowser, testBrowser } from "../support/browser.ts";
import { type TestApp, testApp } from "../support/test_app.ts";
import { webhookCollector } from "../support/webhook_collector.ts";

/** Between two looks at whether something has happened. */
const LOOK_MS = 250;
const HOSTILE = '<img src=x onerror="document.title=1">';

function nowS(): number {
  return Math.floor(systemClock.now() / 1000);
}

function report(hostname: string, at_s: number, cpu: number) {
  return {
    hostname,
    timestamp: at_s,
    metrics: { cpu_usage: cpu, memory_usage: 40 },
    metadata: { cpu_usage: { unit: "%" } },
  };
}

/** Ten minutes of three hosts, of which one was busy five minutes ago. */
async function appWithPast(more: Parameters<typeof testApp>[0] = {}): Promise<TestApp> {
  await buildWeb();
  const app = await testApp(more);
  const at_s = nowS() - 600;
  const batch = ["web-1", "web-2", "db-1"].flatMap((hostname) =>
    Array.from(
      { length: 60 },
      (_, i) =>
        report(hostname, at_s + i * 10, hostname === "web-2" && i > 20 && i < 30 ? 95 : 20 + i % 3),
    )
  );
  const { status } = await app.post(batch);
  assert.equal(status, 200);
  return app;
}

/** Reports, again and again until each of them is an incident: a rule is about what comes after it. */
async function breach(app: TestApp, reports: ReturnType<typeof report>[]): Promise<void> {
  const open = async () => (await app.get("/api/v1/incidents?state=open")).body.incidents.length;
  while (await open() < reports.length) {
    await app.post(reports.map((one) => ({ ...one, timestamp: systemClock.now() / 1000 })));
    await systemClock.sleep(LOOK_MS);
  }
}

async function put(app: TestApp, path: string, body: unknown): Promise<{ id: number }> {
  const response = await fetch(app.url + path, { method: "POST", body: JSON.stringify(body) });
  const answer = await response.json();
  assert(response.ok, JSON.stringify(answer));
  return answer;
}

/** Nothing serious says axe, and nothing is wider than a phone. */
async function checkPages(app: TestApp, browser: TestBrowser, paths: readonly string[]) {
  for (const [i, path] of paths.entries()) {
    const dark = i % 2 === 1;
    const seen = await browser.page({ dark, width: 360, height: 740, bypass_policy: true });
    await seen.goto(app.url + path);
    await seen.waitForFunction("document.querySelector('.bar h1, .bar h2') !== null");
    await seen.waitForFunction("document.querySelector('.skeleton') === null");
    const wide = await seen.evaluate("document.documentElement.scrollWidth");
    assert(Number(wide) <= 360, `${path} is ${wide} wide`);
    await seen.addScriptTag({ content: axe.source });
    const found = await seen.evaluate("axe.run()") as axe.AxeResults; // as axe documents it
    const serious = found.violations.filter(({ impact }) =>
      impact === "serious" || impact === "critical"
    );
    assert.deepEqual(serious.map(({ id, nodes }) => [path, dark, id, nodes[0]?.html]), []);
    await seen.close();
  }
}

function dialog(page: Page) {
  return page.locator("dialog[open]");
}

Deno.test("the page: a rule is written, breaks, and its incident is looked after", async (t) => {
  await using hook = webhookCollector();
  await using app = await appWithPast({ channels: { ops: { kind: "webhook", url: hook.url } } });
  await using browser = await testBrowser();
  const page = await browser.page();

  await t.step("a rule says in words and on the past what it will do", async () => {
    await page.goto(`${app.url}/alerts`);
    await page.getByText("There are no rules, so nothing can be told.").waitFor();
    await page.getByRole("link", { name: "Rules" }).click();
    await page.getByRole("link", { name: "New rule" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Busy");
    await page.getByLabel("Metric").fill("cpu_usage");
    await page.getByLabel("Critical at").fill("ninety");
    await page.getByText(/critical must be a number/).waitFor();
    await page.getByLabel("Critical at").fill("90");
    await page.getByLabel("For at least", { exact: true }).fill("0s");
    await page.getByText("Tells when cpu_usage of any host is above 90 (critical).").waitFor();
    await page.getByText(/It would have told 1 time, of 1 host: 1 a week/).waitFor();
    await page.getByRole("button", { name: "Create the rule" }).click();
    await page.getByRole("link", { name: "Busy" }).waitFor();
  });

  await t.step("the incident of a breach is there without a reload", async () => {
    await page.getByRole("link", { name: "Open", exact: true }).click();
    await page.getByText("Nothing is wrong: no incident is open.").waitFor();
    await breach(app, [report("web-1", nowS(), 97)]);
    await page.getByText("cpu_usage of web-1 is 97 %, above 90 %").waitFor();
    await page.getByText("1 open incident, 1 critical").waitFor();
    // nobody is told of what somebody looks after already
    while (hook.received.length === 0) await systemClock.sleep(LOOK_MS);
  });

  await t.step("acknowledged by the keyboard, commented, and told", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("a");
    await dialog(page).getByLabel("Note").fill("on my way");
    await dialog(page).getByLabel("Your name").fill("Ada");
    await dialog(page).getByLabel("Until").selectOption({ label: "2 h" });
    await dialog(page).getByText(/Nobody is reminded of it until \d\d?:\d\d|until \w+ /).waitFor();
    await dialog(page).getByRole("button", { name: "Acknowledge" }).click();
    await page.getByText(/acknowledged by Ada until .*: on my way/).waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("What was measured").waitFor();
    await page.locator(".chart canvas").waitFor();
    await page.getByPlaceholder("What you know, or do about it").fill(`disk? ${HOSTILE}`);
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator(".said", { hasText: HOSTILE }).waitFor();
    await page.getByText(/ops: told, arrived/).waitFor();
  });

  await t.step("the overview and the host's page show it", async () => {
    await page.goto(app.url);
    const row = page.locator(".row", { hasText: "web-1" });
    await row.getByRole("img", { name: "critical" }).waitFor();
    await row.click();
    await page.locator(".incident", { hasText: "cpu_usage of web-1" }).waitFor();
    await page.locator(".incident").getByRole("link", { name: /cpu_usage/ }).click();
  });

  await t.step("resolved by hand, then in the history", async () => {
    await page.getByRole("button", { name: "Resolve" }).click();
    await dialog(page).getByLabel("Note").fill("fixed");
    await dialog(page).getByRole("button", { name: "Resolve" }).click();
    await page.getByText(/ended by hand/).waitFor();
    await page.getByRole("link", { name: "History" }).click();
    await page.getByLabel("Search what was told").fill("web-1");
    await page.getByRole("cell", { name: /cpu_usage of web-1 is 97 %/ }).waitFor();
    await page.getByLabel("Host", { exact: true }).fill("web-2");
    await page.getByText("No incident is like that.").waitFor();
  });

  await t.step("a chart leads to a rule about what it shows", async () => {
    await page.goto(`${app.url}/hosts/web-1`);
    const chart = page.locator(".chart", { hasText: "Processors busy" });
    await chart.hover();
    await chart.getByRole("link", { name: "Alert" }).click();
    await page.getByLabel("Metric").waitFor();
    assert.equal(await page.getByLabel("Metric").inputValue(), "cpu_usage");
    assert.equal(await page.getByLabel("Hosts", { exact: true }).inputValue(), "web-1");
  });

  await t.step("a channel is tested, a rule switched off and deleted by its name", async () => {
    await page.getByRole("link", { name: "Channels" }).click();
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByText(/The test arrived after/).waitFor();
    await page.getByRole("link", { name: "Rules" }).click();
    await page.getByRole("switch", { name: "Busy is evaluated" }).click();
    await page.locator(".incident.off").waitFor();
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    const button = dialog(page).getByRole("button", { name: "Delete" });
    assert(await button.isDisabled());
    await dialog(page).getByLabel("Write the rule's name to delete it").fill("Busy");
    await button.click();
    await page.getByRole("heading", { name: "No rules yet" }).waitFor();
    await page.getByRole("button", { name: "Add the usual rules" }).click();
    await page.getByRole("link", { name: "Host is silent" }).waitFor();
    // they are made one after the other
    await page.getByRole("switch", { checked: true }).nth(4).waitFor();
    assert.equal(await page.getByRole("switch", { checked: true }).count(), 5);
  });
  assert.equal(await page.title(), "Alerts · monitor");
  assert.deepEqual(browser.errors, []);
});

Deno.test("the page: downtimes are previewed, planned, extended and ended", async (t) => {
  await using app = await appWithPast();
  await put(app, "/api/v1/rules", {
    ...{ name: HOSTILE, metric: "cpu_usage", condition: "above", warning: 90, critical: 95 },
  });
  await breach(app, [report("web-1", nowS(), 97), report("db-1", nowS(), 92)]);
  await using browser = await testBrowser();
  const page = await browser.page();

  await t.step("a host is silenced from its page", async () => {
    await page.goto(`${app.url}/hosts/db-1`);
    await page.locator(".incident", { hasText: "cpu_usage of db-1" }).waitFor();
    await page.keyboard.press("s");
    await dialog(page).getByText(/^Nobody is told until then/).waitFor();
    await dialog(page).getByRole("button", { name: "2 h" }).click();
    await page.locator(".banner.downtime").waitFor();
    await dialog(page).waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("o");
    const row = page.locator(".row", { hasText: "db-1" });
    await row.getByRole("img", { name: "in downtime" }).waitFor();
  });

  await t.step("a weekly one says what it will do before it does it", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await page.getByRole("button", { name: "New downtime" }).click();
    await page.getByLabel("Hosts", { exact: true }).fill("web-*");
    await page.getByText(/2 hosts, 1 open incident will be silent until \w/).waitFor();
    await page.getByLabel("When").selectOption({ label: "Again and again" });
    await page.getByRole("button", { name: "Wednesday" }).click();
    await page.getByLabel("Lasts", { exact: true }).fill("long");
    await page.getByText("Say which hosts, tags or rules, and when.").waitFor();
    await page.getByLabel("Lasts", { exact: true }).fill("3h");
    await page.getByLabel("Zone", { exact: true }).fill("Europe/Berlin");
    await page.getByText(/will be silent from .* until/).waitFor();
    await page.getByLabel("Note", { exact: true }).fill(HOSTILE);
    await page.getByRole("button", { name: "Create the downtime" }).click();
    await page.getByText(/every Sunday and Wednesday at 02:00 for 3.h \(Europe\/Berlin\)/)
      .waitFor();
    await page.locator(".calendar b >> nth=3").waitFor();
  });

  await t.step("extended, ended, deleted: each asks first", async () => {
    const first = page.locator(".incident", { hasText: "db-1" });
    await first.getByRole("button", { name: "Extend" }).click();
    await dialog(page).getByRole("button", { name: "8 h" }).click();
    await dialog(page).getByRole("button", { name: "Extend" }).click();
    await dialog(page).waitFor({ state: "detached" });
    await first.getByRole("button", { name: "End now" }).click();
    await dialog(page).getByRole("button", { name: "End now" }).click();
    await first.waitFor({ state: "detached" });
    await page.locator(".incident", { hasText: "web-*" }).getByRole("button", { name: "Delete" })
      .click();
    await dialog(page).getByRole("button", { name: "Delete" }).click();
    await page.getByText("No downtime is planned.").waitFor();
  });
  assert.deepEqual(browser.errors, []);

  await t.step("a silence is shown with what it keeps quiet, and ended", async () => {
    const matchers = [{ label: "host", op: "=", value: "db-1" }, {
      label: "metric",
      op: "~",
      value: "<b>*",
    }];
    await put(app, "/api/v1/silences", { matchers, duration_s: 3_600, note: "a known one" });
    await page.goto(`${app.url}/downtimes`);
    const silence = page.locator("section", { hasText: "Silences" }).locator(".incident");
    await silence.getByText("host=db-1 and metric~<b>*").waitFor();
    await silence.getByText("a known one").waitFor();
    await silence.getByRole("button", { name: "End now" }).click();
    await dialog(page).getByText("is told at once").waitFor();
    await dialog(page).getByRole("button", { name: "End now" }).click();
    await silence.waitFor({ state: "detached" });
  });

  await t.step("axe finds nothing serious, and nothing is wider than a phone", async () => {
    const daily = { hosts: ["web-*"], pattern: "0 2 * * *", duration_s: 3_600 };
    await put(app, "/api/v1/downtimes", daily);
    await checkPages(app, browser, [
      "/alerts",
      "/alerts/1",
      "/alerts/history",
      "/alerts/rules/1",
      "/alerts/channels",
      "/downtimes?host=web-1",
      "/hosts/web-1",
    ]);
  });
});
