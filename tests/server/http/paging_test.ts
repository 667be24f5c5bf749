import assert from "node:assert/strict";
import fc from "fast-check";
import { pageOf } from "../../../server/http/paging.ts";
import { send } from "../../support/asking.ts";
import { type Answer, testApp } from "../../support/test_app.ts";

Deno.test("pages of any size are together the list, also while it changes", () => {
  fc.assert(fc.property(
    fc.uniqueArray(fc.integer({ min: 0, max: 200 })),
    fc.integer({ min: 1, max: 10 }),
    fc.array(fc.integer({ min: 0, max: 200 })),
    (ids, limit, gone) => {
      const seen: number[] = [];
      let left = [...ids];
      let after: number | undefined;
      do {
        const { page, next } = pageOf(left, { limit, after }, (id) => id);
        assert.ok(page.length <= limit);
        seen.push(...page);
        after = next ?? undefined;
        const leaves = gone[seen.length];
        left = left.filter((id) => id !== leaves);
      } while (after !== undefined);
      const stayed = ids.filter((id) => left.includes(id)).sort((a, b) => a - b);
      assert.deepEqual(seen.filter((id) => left.includes(id)), stayed);
      assert.equal(new Set(seen).size, seen.length);
    },
  ));
  assert.deepEqual(pageOf([3, 1, 2], {}, (id) => id), { page: [3, 1, 2], next: null });
});

Deno.test("hosts, rules and downtimes come in pages, and whole without a limit", async () => {
  await using app = await testApp();
  const names = ["c", "a", "b", "é", "B"];
  await app.post(names.map((hostname) => ({ hostname, metrics: { cpu: 1 } })));
  for (const name of names) {
    const rule = { name, metric: "cpu", condition: "above", threshold: 90 };
    assert.equal((await send(app, "POST", "/api/v1/rules", rule)).status, 201);
    const downtime = { hosts: [name], duration_s: 60 };
    assert.equal((await send(app, "POST", "/api/v1/downtimes", downtime)).status, 201);
  }
  for (
    const [what, key] of [["hosts", "hostname"], ["rules", "id"], ["downtimes", "id"]] as const
  ) {
    const whole = await app.get(`/api/v1/${what}`);
    assert.equal(whole.body[what].length, names.length);
    assert.equal(whole.body.next, null);
    const keys: unknown[] = [];
    for (let next: string | number | null = ""; next !== null;) {
      const { body }: Answer = await app.get(
        `/api/v1/${what}?limit=2&after=${encodeURIComponent(next)}`,
      );
      assert.ok(body[what].length <= 2);
      keys.push(...body[what].map((one: Record<string, unknown>) => one[key]));
      next = body.next;
    }
    const expected = whole.body[what].map((one: Record<string, unknown>) => one[key]);
    assert.deepEqual(keys, expected.sort((a: number, b: number) => a < b ? -1 : 1), what);
    const wrong = await app.get(`/api/v1/${what}?limit=0`);
    assert.equal(wrong.status, 400);
    assert.equal(wrong.body.errors[0].path, "limit");
  }
});
