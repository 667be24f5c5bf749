import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { Turns } from "../../../server/http/turns.ts";

Deno.test("Turns.run() lets others in after some milliseconds, and keeps the order", async () => {
  let now_ms = 0;
  const turns = new Turns(() => now_ms);
  const done: string[] = [];
  const work = (name: string) => () => {
    now_ms += 1;
    done.push(name);
    return Promise.resolve(name);
  };
  const all = Array.from({ length: 7 }, (_, i) => turns.run(work(String(i))));
  // 1 + 1: the third would begin after 2 ms
  assert.deepEqual(done, ["0", "1"]);
  await setImmediate();
  assert.deepEqual(done, ["0", "1", "2", "3"]);
  assert.deepEqual(await Promise.all(all), ["0", "1", "2", "3", "4", "5", "6"]);
});

Deno.test("Turns.run() passes failures on and goes on", async () => {
  let now_ms = 0;
  const turns = new Turns(() => now_ms);
  const fail = () => {
    now_ms += 20;
    return Promise.reject(new Error("no"));
  };
  const [first, second] = [turns.run(fail), turns.run(fail)];
  const third = turns.run(() => Promise.resolve(3));
  await assert.rejects(first, /no/);
  await assert.rejects(second, /no/);
  assert.equal(await third, 3);
});
