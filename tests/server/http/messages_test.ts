import assert from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import { type Answer, testApp } from "../../support/test_app.ts";

const NOW_S = 1_700_000_000;

Deno.test("GET /api/v1/messages has what a host said, the newest first", async (t) => {
  await using app = await testApp({ clock: new FakeClock(NOW_S * 1000) });
  const said = (metric: string, ago_s: number, message: string, hostname = "a") => ({
    hostname,
    timestamp: NOW_S - ago_s,
    metrics: { [metric]: { value: 1, message } },
  });
  await app.post([
    said("disk", 7_200, "long ago"),
    said("disk", 60, "almost full"),
    said("disk", 30, "full"),
    said("cpu", 30, "hot"),
    said("cpu", 30, "of another", "b"),
  ]);

  await t.step("of the last hour, or of any time", async () => {
    const { status, body } = await app.get("/api/v1/messages?host=a");
    assert.equal(status, 200);
    assert.deepEqual(body, {
      messages: [
        { metric: "cpu", at: NOW_S - 30, message: "hot" },
        { metric: "disk", at: NOW_S - 30, message: "full" },
        { metric: "disk", at: NOW_S - 60, message: "almost full" },
      ],
      next: null,
    });
    const all = await app.get("/api/v1/messages?host=a&from=now-1d&to=now-1h");
    assert.deepEqual(all.body.messages, [{
      metric: "disk",
      at: NOW_S - 7_200,
      message: "long ago",
    }]);
    const one = await app.get("/api/v1/messages?host=a&limit=1");
    assert.deepEqual(one.body.messages.map(({ message }: { message: string }) => message), ["hot"]);
    const told: string[] = [];
    for (let next: string | null = ""; next !== null;) {
      const { body }: Answer = await app.get(
        `/api/v1/messages?host=a&limit=1&after=${encodeURIComponent(next)}`,
      );
      told.push(...body.messages.map(({ message }: { message: string }) => message));
      next = body.next;
    }
    assert.deepEqual(told, ["hot", "full", "almost full"]);
  });

  await t.step("what is wrong is said", async () => {
    const cases: [string, number, RegExp][] = [
      ["", 400, /host must be given/],
      ["host=nobody", 404, /Cannot find host "nobody"/],
      ["host=a&limit=0", 400, /limit must be at least 1/],
      ["host=a&after=disk", 400, /after must be the next of the page before/],
      ["host=a&from=soon", 400, /from must be seconds since 1970/],
      ["host=a&from=now&to=now-1h", 400, /from must not be after to/],
      ["host=a&hots=b", 400, /there is no parameter hots/],
    ];
    for (const [query, expected, pattern] of cases) {
      const { status, body } = await app.get(`/api/v1/messages?${query}`);
      assert.equal(status, expected, query);
      assert.match(body.error, pattern);
    }
  });
});
