/**
 * `deno task screenshots [name…]`: docs/images/, every page of the page in light and dark, as a browser
 * shows it. The hosts are those of screenshots/scene.ts; it is always the same time there.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { type Clock, systemClock } from "../clock.ts";
import { testBrowser } from "../tests/support/browser.ts";
import { type TestApp, testApp } from "../tests/support/test_app.ts";
import {
  MAIN_HOST,
  NOW_S,
  SCENE_DOWNTIMES,
  SCENE_HOSTS,
  SCENE_RULES,
  sceneReports,
} from "./screenshots/scene.ts";
import { buildWeb } from "./web.ts";

const FOLDER = new URL("../docs/images/", import.meta.url);
const WIDTH_PX = 1280;
const HEIGHT_PX = 800;
const PHONE = { width: 390, height: 780 };
/** A picture that is larger makes the page it is in slow. */
const BYTES_MAX = 200 * 1024;
/** Reports a request. */
const BATCH = 200;

interface Shot {
  name: string;
  path: string;
  /** What has to be there before it is taken. */
  ready: string;
  phone?: boolean;
  prepare?: (page: Page) => Promise<void>;
}

const SHOTS: readonly Shot[] = [
  { name: "overview", path: "/", ready: ".spark path >> nth=7" },
  { name: "tiles", path: "/?view=tiles", ready: ".tile >> nth=5" },
  { name: "wall", path: "/?view=wall", ready: ".tile >> nth=5" },
  {
    name: "host",
    path: `/hosts/${MAIN_HOST}?from=now-6h`,
    ready: ".chart canvas >> nth=3",
    // one cursor over all charts
    prepare: (page) => page.locator(".u-over").first().hover({ position: { x: 260, y: 60 } }),
  },
  {
    name: "collectors",
    path: `/hosts/${MAIN_HOST}?view=collectors`,
    ready: "td >> nth=5",
  },
  {
    name: "explore",
    path: "/explore?metric=cpu_usage,disk.root.used_percent&tags=env%3Dprod&top=5",
    ready: ".chart canvas >> nth=1",
  },
  { name: "alerts", path: "/alerts", ready: ".incident >> nth=1" },
  { name: "downtimes", path: "/downtimes", ready: ".calendar b" },
  { name: "settings", path: "/settings", ready: "td >> nth=5" },
  { name: "reference", path: "/api", ready: "details >> nth=5" },
  { name: "phone", path: "/", ready: ".row >> nth=7", phone: true },
  { name: "phone-host", path: `/hosts/${MAIN_HOST}`, ready: ".chart canvas", phone: true },
];

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function send(app: TestApp, path: string, body: unknown): Promise<void> {
  const answer = await fetch(app.url + path, { method: "POST", body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`The server refused ${JSON.stringify(body)}: ${text}`);
}

async function fill(app: TestApp): Promise<void> {
  for (const rule of SCENE_RULES) await send(app, "/api/v1/rules", rule);
  // rates are measured of hosts that somebody looks at
  for (const host of SCENE_HOSTS) await send(app, "/metrics", sceneReports(host).slice(0, 1));
  await app.get("/api/v1/hosts");
  for (const host of SCENE_HOSTS) {
    const reports = sceneReports(host);
    for (let i = 0; i < reports.length; i += BATCH) {
      await send(app, "/metrics", reports.slice(i, i + BATCH));
    }
  }
  for (const downtime of SCENE_DOWNTIMES) await send(app, "/api/v1/downtimes", downtime);
}

/** How many incidents the scene has: of a full disk and of two busy machines. */
const INCIDENTS = 3;

/** Lets time go on to that of the pictures, until everything wrong has been noticed. */
async function settle(app: TestApp, time: { now_ms: number }): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    time.now_ms = Math.min(NOW_S * 1000, time.now_ms + 5_000);
    await systemClock.sleep(250);
    const { body } = await app.get("/api/v1/incidents?state=open");
    if (time.now_ms === NOW_S * 1000 && body.incidents.length >= INCIDENTS) return;
  }
  throw new Error(`The scene does not have its ${INCIDENTS} incidents`);
}

async function take(page: Page, url: string, shot: Shot): Promise<Uint8Array> {
  await page.goto(url + shot.path);
  await page.waitForSelector(shot.ready, { state: "attached" });
  await shot.prepare?.(page);
  // what was asked for late is drawn
  await page.waitForLoadState("load");
  await page.waitForTimeout(400);
  return await page.screenshot({ animations: "disabled", caret: "hide" });
}

async function main(wanted: readonly string[]): Promise<number> {
  await buildWeb();
  // in the end it is always the same time; waiting takes as long as ever
  const time = { now_ms: (NOW_S - 240) * 1000 };
  const clock: Clock = { ...systemClock, now: () => time.now_ms };
  await using app = await testApp({ clock });
  await fill(app);
  await settle(app, time);
  await using browser = await testBrowser();
  await Deno.mkdir(FOLDER, { recursive: true });
  let too_large = 0;
  for (const shot of SHOTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    for (const dark of [false, true]) {
      const size = shot.phone === true ? PHONE : { width: WIDTH_PX, height: HEIGHT_PX };
      const page = await browser.page({ ...size, dark, zone: "UTC" });
      const png = await take(page, app.url, shot);
      await page.close();
      const file = new URL(`${shot.name}${dark ? "-dark" : ""}.png`, FOLDER);
      await Deno.writeFile(file, png);
      say(`${fileURLToPath(file)}: ${(png.length / 1024).toFixed(0)} KiB`);
      if (png.length > BYTES_MAX) too_large++;
    }
  }
  for (const error of browser.errors) say(error);
  if (too_large > 0) say(`${too_large} of them are larger than ${BYTES_MAX / 1024} KiB`);
  return browser.errors.length + too_large > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
