/**
 * Scripts that abuse time and memory, one after the other in the process of one that behaves, with real time: each is
 * answered soon after its deadline with a failure of its own, and the good one gets its values all along.
 */
import assert from "node:assert/strict";
import { readCollected } from "../../agent/collected.ts";
import { createHostMethods } from "../../agent/host.ts";
import { Sandbox } from "../../agent/sandbox.ts";
import { systemClock } from "../../clock.ts";
import { ABUSING, LOADING_ATTACKS } from "./adversarial/abusing.ts";
import { attackName, attackText, World } from "./adversarial/world.ts";
import { EventLog } from "./event_log.ts";

const GOOD =
  "let n = 0; export const collect = async (host) => (await host.uptime()) > 0 ? 42 : 0;";
const TIMEOUT_MS = 300;
/** Of the good one: a fifth of the usual interval of 10 s. */
const GOOD_TIMEOUT_MS = 2_000;

const clock = systemClock;

function makeSandbox(events: EventLog): Sandbox {
  return new Sandbox({ host: createHostMethods({ clock }), clock, log: events.log });
}

/** Asks the good script again and again until `until` is settled: it answers within its deadline. */
async function bystander(sandbox: Sandbox, until: Promise<unknown>): Promise<void> {
  let open = true;
  void until.finally(() => open = false);
  while (open) {
    const answer = await sandbox.collect("good", GOOD_TIMEOUT_MS);
    assert.deepEqual(answer, { kind: "done", json: "42" });
    await clock.sleep(20);
  }
}

Deno.test(`${ABUSING.length} scripts that abuse time and memory cost only themselves`, async (t) => {
  await using world = await World.make();
  await using sandbox = makeSandbox(new EventLog());
  sandbox.admit({ name: "good", origin: "user", text: GOOD }, {});
  for (const attack of ABUSING) {
    await t.step(attack.name, async () => {
      const text = attackText(attack, world.place);
      const name = attackName(attack);
      sandbox.admit({ name, origin: "user", text }, {});
      const run = sandbox.collect(name, TIMEOUT_MS);
      await bystander(sandbox, run);
      const answer = await run;
      if (answer.kind === "done") {
        const read = readCollected(answer.json ?? "null", { name, at_ms: 0 });
        assert.deepEqual("fault" in read ? [] : [...read.series.values()].filter(Boolean), []);
      } else assert.ok(answer.kind !== "lost", `it is not told what it did: ${answer.message}`);
      sandbox.dismiss(name);
      sandbox.trim();
    });
  }
  assert.deepEqual(await world.damage(), []);
});

Deno.test("scripts that abuse their loading cost nothing that runs", async () => {
  await using world = await World.make();
  await Promise.all(LOADING_ATTACKS.map(async (attack) => {
    await using sandbox = makeSandbox(new EventLog());
    sandbox.admit({ name: "good", origin: "user", text: GOOD }, {});
    const text = attackText(attack, world.place);
    const script = { name: attackName(attack), origin: "user" as const, text };
    const look = sandbox.inspect(script, { apart: true });
    await bystander(sandbox, look);
    assert.notEqual((await look).kind, "done", attack.name);
  }));
});
