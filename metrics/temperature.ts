/** What the machine's sensors say, in degrees Celsius: hwmon, and thermal zones where there is none. */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  unit: "°C",
  kind: "gauge",
  description: "The hottest sensor",
  platforms: ["linux"],
  every: "30s",
};

interface Sensor {
  name: string;
  path: string;
}

const HWMON = "/sys/class/hwmon";
const THERMAL = "/sys/class/thermal";
/** Sensors that are not connected say things like -128 and 255. */
const LIMITS = { min: -55, max: 200 };
/** Looking for sensors costs more than reading them; new ones are found after so many runs. */
const RUNS_BETWEEN_SEARCHES = 20;

async function textOf(host: Host, path: string): Promise<string> {
  try {
    return (await host.read(path)).trim();
  } catch {
    // no label, or a sensor that is asleep: as if the file were empty
    return "";
  }
}

async function namesIn(host: Host, path: string): Promise<string[]> {
  try {
    return await host.list(path);
  } catch {
    // machines without sensors have no such folder
    return [];
  }
}

/** "Core 0" is "core_0". */
function plainName(...parts: string[]): string {
  return parts.filter(Boolean).join(" ").toLowerCase().replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
}

async function hwmonSensors(host: Host): Promise<Sensor[]> {
  const sensors: Sensor[] = [];
  for (const chip of await namesIn(host, HWMON)) {
    const chip_name = await textOf(host, `${HWMON}/${chip}/name`);
    for (const file of await namesIn(host, `${HWMON}/${chip}`)) {
      const [, input] = /^(temp\d+)_input$/.exec(file) ?? [];
      if (input === undefined) continue;
      const label = await textOf(host, `${HWMON}/${chip}/${input}_label`);
      sensors.push({
        name: plainName(chip_name, label || input),
        path: `${HWMON}/${chip}/${file}`,
      });
    }
  }
  return sensors;
}

async function thermalSensors(host: Host): Promise<Sensor[]> {
  const zones = (await namesIn(host, THERMAL)).filter((name) => name.startsWith("thermal_zone"));
  return await Promise.all(zones.map(async (zone) => ({
    name: plainName(await textOf(host, `${THERMAL}/${zone}/type`) || zone),
    path: `${THERMAL}/${zone}/temp`,
  })));
}

/** All sensors, each with a name of its own. */
export async function findSensors(host: Host): Promise<Sensor[]> {
  const hwmon = await hwmonSensors(host);
  const found = hwmon.length > 0 ? hwmon : await thermalSensors(host);
  const counts = new Map<string, number>();
  return found.map(({ name, path }) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return { name: count === 1 ? name : `${name}_${count}`, path };
  });
}

let sensors: Sensor[] = [];
let runs = 0;

export async function collect(host: Host): Promise<Collected> {
  if (runs++ % RUNS_BETWEEN_SEARCHES === 0) sensors = await findSensors(host);
  const values: CollectedTree = {};
  let hottest: number | undefined;
  await Promise.all(sensors.map(async ({ name, path }) => {
    const text = await textOf(host, path);
    const celsius = Number(text) / 1000;
    if (text === "" || !(celsius >= LIMITS.min && celsius <= LIMITS.max)) return;
    values[name] = celsius;
    hottest = Math.max(hottest ?? celsius, celsius);
  }));
  // in the order of the sensors, whichever answered first
  const ordered = sensors.flatMap(({ name }) => name in values ? [[name, values[name]]] : []);
  return hottest === undefined ? {} : { "": hottest, ...Object.fromEntries(ordered) };
}
