/** Shipped collectors of Linux on recorded files, beyond those in collectors_test.ts. */
import assert from "node:assert/strict";
import type { Process } from "../../agent/monitor.d.ts";
import { coreUsage, parseCores } from "../../metrics/cpu_usage.ts";
import { diskEffort } from "../../metrics/disk_io.ts";
import { collect as collectPaging } from "../../metrics/paging.ts";
import { collect as collectPressure } from "../../metrics/pressure.ts";
import { collect as collectProcesses, topTree, usageByName } from "../../metrics/processes.ts";
import { collect as collectSystemd } from "../../metrics/systemd.ts";
import { collect as collectTcp } from "../../metrics/tcp.ts";
import { collect as collectTemperature } from "../../metrics/temperature.ts";
import { fixture, fixtureHost, procHost } from "./fixture_host.ts";

Deno.test("cpu_usage: each processor is told in percent of itself", () => {
  const [before, after] = [parseCores(fixture("stat")), parseCores(fixture("stat_later"))];
  assert.deepEqual(before[0], { busy: 6_675, total: 46_925 });
  const usage = coreUsage(before, after);
  assert.deepEqual(Object.keys(usage), ["0", "1"]);
  // one that was switched on meanwhile has no reading to compare with
  assert.deepEqual(Object.keys(coreUsage(before.slice(0, 1), after)), ["0"]);
  assert.deepEqual(coreUsage(before, before), {});
  const half = [{ busy: 150, total: 300 }];
  assert.deepEqual(coreUsage([{ busy: 100, total: 200 }], half), { 0: { busy: 50 } });
});

Deno.test("disk_io: diskEffort() is what happened between two readings", () => {
  const before = {
    reads_total: 100,
    writes_total: 50,
    read_seconds_total: 1,
    write_seconds_total: 2,
    busy_seconds_total: 3,
  };
  const after = {
    reads_total: 104,
    writes_total: 50,
    read_seconds_total: 1.02,
    write_seconds_total: 2,
    busy_seconds_total: 8,
  };
  assert.deepEqual(diskEffort(before, after, 10), { busy_percent: 50, queue: 0, read_ms: 5 });
  // another disk of that name
  assert.deepEqual(diskEffort(after, before, 10), {});
});

Deno.test("paging: pages become bytes, of the size that they have on this machine", async () => {
  const none = { total: 0, free: 0, available: 0, buffers: 0, cached: 0 };
  const memory = () =>
    Promise.resolve({ ...none, swap_total: 0, swap_free: 0, page_bytes: 65_536 });
  assert.deepEqual(await collectPaging({ ...procHost(), memory }), {
    swapped_in_bytes_total: 120 * 65_536,
    swapped_out_bytes_total: 4500 * 65_536,
    major_faults_total: Number(/^pgmajfault (\d+)$/m.exec(fixture("vmstat"))?.[1]),
    oom_kills_total: 2,
  });
});

Deno.test("pressure: averages and totals, and nothing the kernel writes for form's sake", async () => {
  const result = await collectPressure(procHost());
  assert.ok(typeof result === "object" && result !== null);
  assert.deepEqual(Object.keys(Reflect.get(result, "cpu")), ["some", "some_seconds_total"]);
  assert.deepEqual(Reflect.get(result, "io"), {
    some: 5.02,
    some_seconds_total: 56.505,
    full: 0.36,
    full_seconds_total: 31.065,
  });
});

Deno.test("pressure: nothing, and no failure, where the kernel has it switched off", async () => {
  const read = (path: string) =>
    Promise.reject(new Error(`Operation not supported (os error 95): readfile '${path}'`));
  assert.deepEqual(await collectPressure(fixtureHost({ read })), {});
  const denied = () => Promise.reject(new Error("Permission denied (os error 13)"));
  await assert.rejects(async () => await collectPressure(fixtureHost({ read: denied })), /denied/);
});

Deno.test("tcp: states as the agent counts them, counters by name", async () => {
  const states = {
    established: 3,
    syn_sent: 0,
    syn_recv: 0,
    fin_wait1: 0,
    fin_wait2: 0,
    time_wait: 7,
    close_wait: 0,
    last_ack: 0,
    listen: 2,
    closing: 0,
  };
  const host = { ...procHost(), tcpStates: () => Promise.resolve(states) };
  const [, values = ""] = fixture("net_snmp").split("\n").filter((one) => one.startsWith("Tcp:"));
  const numbers = values.split(" ").map(Number);
  assert.deepEqual(await collectTcp(host), {
    ...states,
    opened_total: numbers[5],
    accepted_total: numbers[6],
    failed_total: numbers[7],
    resets_total: numbers[8],
    segments_sent_total: numbers[11],
    segments_resent_total: numbers[12],
  });
});

const process = (pid: number, change: Partial<Process> = {}): Process => ({
  pid,
  name: "nginx",
  state: "S",
  threads: 1,
  cpu_seconds: 1,
  memory_bytes: 1_000,
  started_ticks: 5,
  ...change,
});

Deno.test("processes: counted by state, and names only on request", async () => {
  const processes = () =>
    Promise.resolve([
      process(1, { threads: 4 }),
      process(2, { state: "R" }),
      process(3, { state: "I" }),
      process(4, { state: "Z" }),
      process(5, { state: "D" }),
    ]);
  const counts = {
    "": 5,
    running: 1,
    sleeping: 2,
    blocked: 1,
    stopped: 0,
    zombie: 1,
    threads: 8,
  };
  const host = fixtureHost({ processes, options: { top: 0 } });
  assert.deepEqual(await collectProcesses(host), counts);
  const asked = fixtureHost({ processes, options: { top: 2 } });
  // the first run has nothing to compare processor time with
  assert.deepEqual(await collectProcesses(asked), counts);
  const { top } = Object(await collectProcesses(asked));
  assert.deepEqual(top, { nginx: { cpu_percent: 0, memory_bytes: 5_000, count: 5 } });
});

Deno.test("processes: use is added up by name; a process that is new began at 0", () => {
  const now = [
    process(1, { cpu_seconds: 3 }),
    process(2, { cpu_seconds: 0.5 }),
    process(3, { name: "db (main)", cpu_seconds: 9, memory_bytes: 9_000 }),
    process(4, { name: "idle", cpu_seconds: 0, memory_bytes: 0 }),
  ];
  // 2 had the same number, but another start: another process
  const before = new Map([["1 5", 2], ["2 4", 400], ["3 5", 9]]);
  const usages = usageByName(now, before, 10);
  assert.deepEqual(topTree(usages, 1), {
    nginx: { cpu_percent: 15, memory_bytes: 2_000, count: 2 },
    "db__main_": { cpu_percent: 0, memory_bytes: 9_000, count: 1 },
  });
});

Deno.test("processes: names that become one are added up", () => {
  const common = { count: 1, cpu_percent: 2 };
  const usages = [
    { ...common, name: "a b", memory_bytes: 5 },
    { ...common, name: "b", memory_bytes: 9 },
    { ...common, name: "a_b", memory_bytes: 7 },
  ];
  const both = { a_b: { cpu_percent: 4, memory_bytes: 12, count: 2 } };
  assert.deepEqual(topTree(usages, 1), both);
});

/** As on a laptop: two chips, one sensor that is not connected, one without a label. */
const SENSORS: Record<string, string> = {
  "/sys/class/hwmon/hwmon0/name": "coretemp\n",
  "/sys/class/hwmon/hwmon0/temp1_input": "61000\n",
  "/sys/class/hwmon/hwmon0/temp1_label": "Package id 0\n",
  "/sys/class/hwmon/hwmon0/temp2_input": "58500\n",
  "/sys/class/hwmon/hwmon0/temp2_label": "Core 0\n",
  "/sys/class/hwmon/hwmon1/name": "nvme\n",
  "/sys/class/hwmon/hwmon1/temp1_input": "38850\n",
  "/sys/class/hwmon/hwmon1/temp2_input": "-273150\n",
  "/sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
  "/sys/class/thermal/thermal_zone0/temp": "60000\n",
};

function sensorHost(files: Record<string, string>) {
  const names = (path: string) => [
    ...new Set(
      Object.keys(files).filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1).split("/")[0] ?? ""),
    ),
  ];
  return fixtureHost({
    read: (path) => {
      const text = files[path];
      return text === undefined ? Promise.reject(new Error("ENOENT")) : Promise.resolve(text);
    },
    list: (path) => {
      const found = names(path);
      return found.length > 0 ? Promise.resolve(found) : Promise.reject(new Error("ENOENT"));
    },
  });
}

Deno.test("temperature: sensors by chip and label; what is not connected is not told", async () => {
  assert.deepEqual(await collectTemperature(sensorHost(SENSORS)), {
    "": 61,
    coretemp_package_id_0: 61,
    coretemp_core_0: 58.5,
    nvme_temp1: 38.85,
  });
});

Deno.test("temperature: thermal zones where there is no hwmon, and nothing where there is none", async () => {
  const { collect } = await import("../../metrics/temperature.ts?zones" as string);
  const zones = Object.entries(SENSORS).filter(([path]) => path.includes("thermal"));
  assert.deepEqual(await collect(sensorHost(Object.fromEntries(zones))), {
    "": 60,
    x86_pkg_temp: 60,
  });
  const { collect: none } = await import("../../metrics/temperature.ts?none" as string);
  assert.deepEqual(await none(sensorHost({})), {});
});

Deno.test("systemd: failed units, and the state of those that were named", async () => {
  const answers = {
    failed: 1,
    units: [
      { name: "nginx", load: "loaded", active: "active", sub: "running" },
      { name: "db.service", load: "loaded", active: "failed", sub: "failed" },
      { name: "typo", load: "not-found", active: "inactive", sub: "dead" },
    ],
  };
  const asked: string[][] = [];
  const host = fixtureHost({
    options: { units: ["nginx", "db.service", "typo"] },
    systemd: (units) => {
      asked.push(units);
      return Promise.resolve(answers);
    },
  });
  assert.deepEqual(await collectSystemd(host), {
    failed: 1,
    unit: {
      nginx: { active: true },
      "db.service": { active: { value: false, message: "failed (failed)" } },
      typo: { active: { value: false, message: "not-found" } },
    },
  });
  assert.deepEqual(asked, [["nginx", "db.service", "typo"]]);
  const alone = fixtureHost({
    options: { units: [] },
    systemd: () => Promise.resolve({ failed: 0, units: [] }),
  });
  assert.deepEqual(await collectSystemd(alone), { failed: 0 });
});
