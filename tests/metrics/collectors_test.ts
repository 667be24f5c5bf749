/** Shipped collectors on recorded files: their parsers, and what they return. */
import assert from "node:assert/strict";
import { collect as collectCpu, parseStat, usage } from "../../metrics/cpu_usage.ts";
import { collect as collectDisk, diskName, diskUsage } from "../../metrics/disk.ts";
import { collect as collectDiskIo, isPartition } from "../../metrics/disk_io.ts";
import { collect as collectLoad } from "../../metrics/load.ts";
import { collect as collectMemory, linuxMemory, parseMeminfo } from "../../metrics/memory_usage.ts";
import { collect as collectNetwork } from "../../metrics/network.ts";
import { collect as collectUptime } from "../../metrics/uptime.ts";
import { fixture, fixtureHost, procHost } from "./fixture_host.ts";

Deno.test("cpu_usage: parseStat() reads times by mode, and the number of cores", () => {
  assert.deepEqual(parseStat(fixture("stat")), {
    cores: 2,
    modes: {
      user: 10_000,
      nice: 200,
      system: 3_000,
      idle: 80_000,
      iowait: 500,
      irq: 0,
      softirq: 100,
      steal: 50,
      guest: 420,
    },
  });
});

Deno.test("cpu_usage: usage() is percent of the time between two readings", () => {
  const result = usage(parseStat(fixture("stat")), parseStat(fixture("stat_later")));
  // 300 + 100 + 100 + 450 + 50 + 10 ticks passed; iowait went backwards, as it may
  const total = 1_010;
  const percent = (ticks: number) => Math.round(10_000 * ticks / total) / 100;
  assert.deepEqual(result, {
    "": percent(560),
    user: percent(300),
    nice: percent(100),
    system: percent(100),
    idle: percent(450),
    iowait: 0,
    irq: 0,
    softirq: percent(50),
    steal: percent(10),
    guest: percent(100),
    cores: 2,
  });
});

Deno.test("cpu_usage: usage() is undefined when no time has passed", () => {
  const times = parseStat(fixture("stat"));
  assert.equal(usage(times, times), undefined);
});

Deno.test("cpu_usage: the first collect() takes two readings, the next one each", async () => {
  const readings = ["stat", "stat_later", "stat"];
  const slept: number[] = [];
  const host = fixtureHost({
    options: { per_core: false },
    read: () => Promise.resolve(fixture(readings.shift() ?? "")),
    sleep: (ms) => {
      slept.push(ms);
      return Promise.resolve();
    },
  });
  const first = await collectCpu(host);
  assert.equal(typeof first === "object" && first !== null && "" in first && first[""], 55.45);
  assert.equal(readings.length, 1);
  await collectCpu(host);
  assert.equal(readings.length, 0);
  assert.deepEqual(slept, [250]);
});

Deno.test("memory_usage: figures are those of free(1)", () => {
  const text = "MemTotal:       16000000 kB\nMemFree:         2000000 kB\n" +
    "MemAvailable:    6000000 kB\nBuffers:          100000 kB\nCached:          3000000 kB\n" +
    "SwapTotal:       4000000 kB\nSwapFree:        3000000 kB\nDirty:               100 kB\n" +
    "Shmem:            200000 kB\nSlab:             500000 kB\nSReclaimable:     400000 kB\n" +
    "HugePages_Total:       3\n";
  assert.equal(parseMeminfo(text).get("HugePages_Total"), 3);
  assert.deepEqual(linuxMemory(text), {
    "": 62.5,
    total: 16_384_000_000,
    used: 10_240_000_000,
    available: 6_144_000_000,
    free: 2_048_000_000,
    buffers: 102_400_000,
    cached: 3_481_600_000,
    shared: 204_800_000,
    slab: 512_000_000,
    dirty: 102_400,
    swap_total: 4_096_000_000,
    swap_used: 1_024_000_000,
    swap_used_percent: 25,
  });
});

Deno.test("memory_usage: a machine without swap has no percentage of it", async () => {
  const result = await collectMemory(procHost());
  assert.ok(typeof result === "object" && result !== null);
  assert.ok(!("swap_used_percent" in result));
  assert.deepEqual(Object.values(result).filter((value) => !Number.isFinite(value)), []);
});

Deno.test("memory_usage: works where there is no /proc", async () => {
  const memory = () =>
    Promise.resolve({
      total: 1_000,
      free: 100,
      available: 400,
      buffers: 0,
      cached: 0,
      swap_total: 0,
      swap_free: 0,
    });
  assert.deepEqual(await collectMemory(fixtureHost({ platform: "windows", memory })), {
    "": 60,
    total: 1_000,
    used: 600,
    available: 400,
    free: 100,
    swap_total: 0,
    swap_used: 0,
  });
});

Deno.test("load: reads averages and threads", async () => {
  const read = () => Promise.resolve("0.20 0.18 0.12 1/80 11206\n");
  assert.deepEqual(await collectLoad(fixtureHost({ read })), {
    "1m": 0.2,
    "5m": 0.18,
    "15m": 0.12,
    running: 1,
    threads: 80,
  });
  const loadavg = () => Promise.resolve<[number, number, number]>([1.234, 2, 3]);
  assert.deepEqual(await collectLoad(fixtureHost({ platform: "darwin", loadavg })), {
    "1m": 1.23,
    "5m": 2,
    "15m": 3,
  });
});

Deno.test("disk: diskName() makes a name of any mount point", () => {
  const names = ["/", "/var/log", "/data/", "C:\\", "/mnt/my disk"].map(diskName);
  assert.deepEqual(names, ["root", "var/log", "data", "C", "mnt/my disk"]);
  const different = ["/", "/root", "/data", "/data:", "/data\\", "/var/root"];
  assert.equal(new Set(different.map(diskName)).size, different.length);
});

const DISK = {
  mount: "/",
  device: "/dev/sda1",
  type: "ext4",
  total_bytes: 1_000_000,
  free_bytes: 400_000,
  available_bytes: 350_000,
  inodes_total: 1_000,
  inodes_free: 999,
};

Deno.test("disk: diskUsage() counts like df: reserved space is neither used nor available", () => {
  assert.deepEqual(diskUsage(DISK), {
    total: 1_000_000,
    used: 600_000,
    available: 350_000,
    // 600 of 950 are 63.157…: rounded up, and df shows 64
    used_percent: 63.16,
    inodes_used_percent: 0.1,
  });
});

Deno.test("disk: filesystems without inodes, and empty ones, have no odd values", () => {
  assert.ok(!("inodes_used_percent" in diskUsage({ ...DISK, inodes_total: 0, inodes_free: 0 })));
  const full = { ...DISK, free_bytes: 0, available_bytes: 0, total_bytes: 0 };
  assert.equal(diskUsage(full).used_percent, 0);
});

Deno.test("disk: collect() has a branch for each disk", async () => {
  const disks = () => Promise.resolve([DISK, { ...DISK, mount: "/data" }]);
  const result = await collectDisk(fixtureHost({ disks }));
  assert.deepEqual(Object.keys(result ?? {}), ["root", "data"]);
});

Deno.test("disk_io: isPartition() knows the ways of naming", () => {
  const names = new Set(["sda", "sda1", "nvme0n1", "nvme0n1p2", "mmcblk0", "mmcblk0p1", "vda"]);
  assert.deepEqual([...names].filter((name) => isPartition(name, names)), [
    "sda1",
    "nvme0n1p2",
    "mmcblk0p1",
  ]);
});

Deno.test("disk_io: physical disks that did something, in bytes and seconds", async () => {
  const result = await collectDiskIo(procHost());
  assert.ok(typeof result === "object" && result !== null);
  assert.deepEqual(Object.keys(result), ["nvme0n1", "sda", "mmcblk0", "vda"]);
  assert.deepEqual(Reflect.get(result, "vda"), {
    read_bytes_total: 1_890_650 * 512,
    written_bytes_total: 847_016 * 512,
    reads_total: 11_631,
    writes_total: 3_486,
    read_seconds_total: 10.934,
    write_seconds_total: 3.1,
    busy_seconds_total: 4.52,
  });
});

Deno.test("network: interfaces that carry something from elsewhere", async () => {
  const result = await collectNetwork(procHost());
  assert.ok(typeof result === "object" && result !== null);
  assert.deepEqual(Object.keys(result), ["eth0", "eth0.12", "docker0"]);
  assert.deepEqual(Reflect.get(result, "eth0"), {
    rx_bytes_total: 96_332_130,
    rx_packets_total: 3_293,
    rx_errors_total: 1,
    rx_drops_total: 2,
    tx_bytes_total: 140_891,
    tx_packets_total: 1_750,
    tx_errors_total: 3,
    tx_drops_total: 4,
  });
  assert.equal(Reflect.get(Reflect.get(result, "eth0.12"), "rx_bytes_total"), 9_007_199_254);
});

Deno.test("uptime: in seconds", async () => {
  const read = () => Promise.resolve("773.12 1500.11\n");
  assert.equal(await collectUptime(fixtureHost({ read })), 773.12);
  const uptime = () => Promise.resolve(99.9);
  assert.equal(await collectUptime(fixtureHost({ platform: "darwin", uptime })), 99);
});
