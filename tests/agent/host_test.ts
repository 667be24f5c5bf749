import assert from "node:assert/strict";
import { DiskReader, parseMounts, realMounts } from "../../agent/disks.ts";
import { createHostMethods } from "../../agent/host.ts";
import { isHostFile, isHostFolder } from "../../agent/host_files.ts";
import { FakeClock } from "../support/fake_clock.ts";

const host = createHostMethods({ clock: new FakeClock() });
const ask = async (method: string, argument?: unknown) => await host[method]?.(argument, {});

const SERVED = [
  "/proc/stat",
  "/proc/net/dev",
  "/proc/pressure/io",
  "/sys/class/net/eth0.12/speed",
  "/sys/class/net/eth0/statistics/rx_bytes",
  "/sys/block/vda/queue/rotational",
  "/sys/class/hwmon/hwmon0/temp1_input",
];
const NOT_SERVED = [
  "",
  "/etc/passwd",
  "/proc/self/environ",
  "/proc/1/cmdline",
  "/proc/1/root/etc/shadow",
  "/proc/kallsyms",
  "/proc/stat/",
  "/proc/../etc/passwd",
  "/proc/pressure/..",
  "/proc/pressure/../../etc/passwd",
  "/sys/class/net/../../../etc/passwd",
  "/sys/class/net/../net",
  "/sys/class/net/eth0/../../..",
  "/sys/block/vda/queue/..",
  "proc/stat",
  "/proc/stat\n",
  "/proc/stat\u0000",
  "/proc/pressure/a\u0000b",
];

Deno.test("host.read() serves numbers about the machine and nothing else", async () => {
  assert.deepEqual(SERVED.filter((path) => !isHostFile(path)), []);
  assert.deepEqual(NOT_SERVED.filter(isHostFile), []);
  assert.deepEqual(NOT_SERVED.filter(isHostFolder), []);
  for (const path of [...NOT_SERVED, 3, null, ["/proc/stat"]]) {
    await assert.rejects(ask("read", path), /^Error: host\.read\(\) does not serve/);
    await assert.rejects(ask("list", path), /^Error: host\.list\(\) does not serve/);
  }
});

Deno.test("host.sleep() refuses what is no time", async () => {
  for (const ms of [-1, NaN, "5", undefined]) {
    await assert.rejects(ask("sleep", ms), /wants milliseconds/);
  }
});

Deno.test("host answers are plain data that a message can carry", async () => {
  for (const method of ["memory", "loadavg", "uptime", "disks", "cpus", "networkAddresses"]) {
    const answer = await ask(method);
    assert.deepEqual(structuredClone(answer), answer, method);
  }
});

Deno.test({
  name: "host.read() reads /proc, and rejects a file that does not exist",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    assert.match(String(await ask("read", "/proc/stat")), /^cpu /);
    await assert.rejects(ask("read", "/proc/pressure/nonsense"));
  },
});

Deno.test("realMounts() keeps local filesystems, one for each device, the visible ones", () => {
  const text = Deno.readTextFileSync(new URL("../metrics/fixtures/mounts", import.meta.url));
  assert.deepEqual(realMounts(parseMounts(text)), [
    { device: "/dev/mapper/vg-root", mount: "/", type: "ext4" },
    { device: "/dev/nvme0n1p1", mount: "/boot/efi", type: "vfat" },
    { device: "/dev/sdc1", mount: "/data", type: "zfs" },
    { device: "/dev/sda1", mount: "/mnt/my disk", type: "xfs" },
  ]);
});

Deno.test("realMounts() tells a container its root, whatever that is", () => {
  const mounts = parseMounts("overlay / overlay rw 0 0\n/dev/sda1 /etc/hosts ext4 rw 0 0\n");
  assert.deepEqual(realMounts(mounts).map(({ mount }) => mount), ["/", "/etc/hosts"]);
});

Deno.test({
  name: "DiskReader.read() agrees with df",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const disks = await new DiskReader({ clock: new FakeClock() }).read();
    const root = disks.find(({ mount }) => mount === "/");
    assert.ok(root, "there is a root filesystem");
    const { stdout } = await new Deno.Command("df", { args: ["-PB1", "/"] }).output();
    const [, line = ""] = new TextDecoder().decode(stdout).split("\n");
    const [, total, used] = line.split(/\s+/).map(Number);
    assert.equal(root.total_bytes, total);
    // files come and go while we look: 5 % of the disk is far more than that
    const differs = Math.abs(root.total_bytes - root.free_bytes - (used ?? NaN));
    assert.ok(differs < root.total_bytes / 20, `${differs} bytes apart`);
  },
});

Deno.test("DiskReader tells the others when one does not answer, and asks that one once", async () => {
  const clock = new FakeClock();
  const hung = Promise.withResolvers<void>();
  const asked: string[] = [];
  const reader = new DiskReader({
    clock,
    usageOf: async (mount) => {
      asked.push(mount.mount);
      if (mount.mount === "/hung") await hung.promise;
      const bytes = { total_bytes: 1, free_bytes: 1, available_bytes: 1 };
      return { ...mount, ...bytes, inodes_total: 0, inodes_free: 0 };
    },
  });
  const mounts = ["/", "/hung"].map((mount) => ({ device: mount, mount, type: "ext4" }));
  const told = async () => (await reader.usages(mounts)).map(({ mount }) => mount);
  const first = told();
  await clock.advance(2_000);
  assert.deepEqual(await first, ["/"]);
  assert.deepEqual(await told(), ["/"], "it is not waited for again");
  hung.resolve();
  await clock.advance(0);
  assert.deepEqual(await told(), ["/", "/hung"]);
  assert.deepEqual(asked, ["/", "/hung", "/", "/", "/hung"]);
  assert.equal(clock.sleeping, 0);
});
