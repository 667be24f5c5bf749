/**
 * Scripts that try to get out, each in its own way, all run by the program as an agent would run them:
 * once with all walls, once with Deno's permissions alone. None may get its way, and none may cost the
 * others their values. tests/agent/adversarial_test.ts has those that abuse time and memory.
 */
import assert from "node:assert/strict";
import { ABUSING } from "../agent/adversarial/abusing.ts";
import { ACTING } from "../agent/adversarial/acting.ts";
import { READING } from "../agent/adversarial/reading.ts";
import { type Attack, attackName, attackText, SECRET, World } from "../agent/adversarial/world.ts";
import { runMonitor } from "./run_monitor.ts";

interface Outcome {
  metrics: { metric: string; value: number | null; message?: string }[];
  failed: { script: string; message: string }[];
}

/** Of scripts that behave, and share their processes with those that do not. */
const GOOD = {
  plain: ["", "export const collect = () => 42;"],
  asking: ["", "export const collect = async (host) => (await host.uptime()) > 0 ? 42 : 0;"],
  reading: [
    "read",
    "export const collect = () => Deno.readTextFileSync(GRANTED) === 'granted' ? 42 : 0;",
  ],
};

async function prepare(world: World, attacks: readonly Attack[], isolation: string) {
  const { place } = world;
  const folder = world.join("scripts", "metrics");
  await Deno.mkdir(folder, { recursive: true });
  const scripts: Record<string, unknown> = {};
  for (const attack of attacks) {
    const name = attackName(attack);
    await Deno.writeTextFile(`${folder}/${name}.js`, attackText(attack, place));
    if (attack.permissions !== undefined) scripts[name] = attack.permissions(place);
  }
  for (const [name, [sort, code = ""]] of Object.entries(GOOD)) {
    const permissions = sort === "" ? {} : { read: [place.granted] };
    const text = code.replace("GRANTED", JSON.stringify(place.granted));
    const metric = `export const metric = ${JSON.stringify({ permissions })};`;
    await Deno.writeTextFile(`${folder}/${name}.js`, `${metric}\n${text}`);
    if (sort !== "") scripts[name] = permissions;
  }
  // imports of files outside the folder find one
  await Deno.copyFile(place.secret_js, world.join("scripts", "secret.js"));
  const config = world.join("agent.json");
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      ...{ metrics: [folder], shipped: false, isolation, hostname: "a" },
      permissions: { default: {}, scripts },
    }),
  );
  return config;
}

/** What the attacks that got their way returned. */
function escaped(outcome: Outcome, attacks: readonly Attack[]): string[] {
  const by_name = new Map(attacks.map((attack) => [attackName(attack), attack]));
  return outcome.metrics.flatMap(({ metric, value, message }) => {
    const attack = by_name.get(metric.split(".")[0] ?? "");
    // it may end well when it says itself that it got nothing
    if (attack === undefined || value === 0) return [];
    return [`${attack.name}: ${value} ${message ?? ""}`];
  });
}

async function attackWith(isolation: "auto" | "permissions", attacks: readonly Attack[]) {
  await using world = await World.make();
  const config = await prepare(world, attacks, isolation);
  const { out, err, code } = await runMonitor(["agent", "--once", "--json", "--config", config], {
    cwd: world.join("scripts"),
    env: { MONITOR_TEST_SECRET: SECRET, MONITOR_AGENT_DATA: world.join("data") },
  });
  assert.equal(code, 1, err);
  const outcome: Outcome = JSON.parse(out);
  assert.deepEqual(escaped(outcome, attacks), []);
  assert.deepEqual(await world.damage(), []);
  assert.ok(!`${out}${err}`.includes(SECRET), "the secret is out");
  for (const name of Object.keys(GOOD)) {
    const found = outcome.metrics.find(({ metric }) => metric === name);
    assert.equal(found?.value, 42, `${name}: ${JSON.stringify(outcome.failed)}`);
  }
  const told = new Set([
    ...outcome.failed.map(({ script }) => script),
    ...outcome.metrics.map(({ metric }) => metric),
  ]);
  const silent = attacks.filter((attack) => !told.has(attackName(attack)));
  assert.deepEqual(silent, [], "each is told of");
}

const ESCAPES = [...READING, ...ACTING];

for (const isolation of ["auto", "permissions"] as const) {
  Deno.test(`${ESCAPES.length} scripts do not get out, isolation ${isolation}`, async () => {
    await attackWith(isolation, ESCAPES);
  });
}

// from source, tests/agent/adversarial_test.ts runs these, and watches what they cost
Deno.test("the executable survives scripts that abuse time and memory", {
  ignore: Deno.env.get("MONITOR_TEST_BINARY") === undefined,
}, async () => {
  await attackWith("auto", ABUSING);
});
