/** Rules that need the past, on real history: after a start they know it; habits of real rollups. */
import assert from "node:assert/strict";
import { eventually, send } from "../../support/asking.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testApp } from "../../support/test_app.ts";
import { testDatabase } from "../../support/test_database.ts";

const NOW_MS = Date.UTC(2025, 0, 15, 12);
const HOUR_MS = 3_600_000;

const incidents = (app: { get(path: string): Promise<{ body: unknown }> }) =>
  app.get("/api/v1/incidents?state=open") as ReturnType<Parameters<typeof eventually>[0]>;

Deno.test("after a start a rate is that of the whole window, not of what came since", async () => {
  await using database = await testDatabase();
  const clock = new FakeClock(NOW_MS);
  {
    await using app = await testApp({ clock, database });
    await send(app, "POST", "/api/v1/rules", {
      name: "Fast",
      metric: "jobs_total",
      condition: "rate",
      over: "10m",
      threshold: 4.5,
    });
    // 10 minutes with 5 a second
    await app.post(
      Array.from({ length: 60 }, (_, i) => ({
        hostname: "a",
        timestamp: (NOW_MS - 600_000 + i * 10_000) / 1000,
        metrics: { jobs_total: i * 50 },
      })),
    );
  }
  await using again = await testApp({ clock, database });
  await eventually(() => again.get("/api/v1/alerts"), ({ evaluation }) => evaluation.rules === 1);
  // two samples alone would be 200 a second
  await again.post({ hostname: "a", timestamp: NOW_MS / 1000, metrics: { jobs_total: 3_000 } });
  await again.post({ hostname: "a", timestamp: NOW_MS / 1000 + 1, metrics: { jobs_total: 3_200 } });
  const { incidents: [fired] } = await eventually(
    () => incidents(again),
    (body) => body.incidents.length === 1,
  );
  assert.ok(fired.value > 4.9 && fired.value < 5.5, `the rate is ${fired.value}`);
});

Deno.test("unusual: the same value is usual on Wednesday noon, and unusual an hour later", async () => {
  const clock = new FakeClock(NOW_MS);
  await using app = await testApp({ clock });
  await send(app, "POST", "/api/v1/rules", {
    name: "Odd",
    metric: "load",
    condition: "unusual",
    threshold: 6,
    weeks: 4,
  });
  // four weeks: noon is at 50, the hours before and after at 10, each with some noise
  for (let week = 1; week <= 4; week++) {
    await app.post(
      Array.from({ length: 36 }, (_, i) => {
        const at_ms = NOW_MS - week * 7 * 24 * HOUR_MS - HOUR_MS + i * 300_000 + 1_000;
        const hour = Math.floor(i / 12);
        const value = (hour === 1 ? 50 : 10) + (i * 7 + week * 3) % 5;
        return { hostname: "a", timestamp: at_ms / 1000, metrics: { load: value } };
      }),
    );
  }
  await eventually(() => app.get("/api/v1/alerts"), ({ evaluation }) => evaluation.rules === 1);
  const report = (load: number) => app.post({ hostname: "a", metrics: { load } });
  await report(52);
  // habits are learned once a minute
  for (let i = 0; i < 8; i++) {
    await clock.advance(10_000);
    await report(52);
  }
  assert.deepEqual((await app.get("/api/v1/incidents?state=open")).body.incidents, []);
  await clock.advance(HOUR_MS);
  // with each report it is looked at again: the habits of this hour are read meanwhile
  const { incidents: [fired] } = await eventually(async () => {
    await clock.advance(1_000);
    await report(52);
    return await incidents(app);
  }, (body) => body.incidents.length === 1);
  assert.match(fired.summary, /load of a is unusual for this hour of the week/);
});
