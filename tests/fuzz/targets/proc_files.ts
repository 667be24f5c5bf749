/** Files of /proc and what programs print, as the shipped collectors read them: metrics/, agent/. */
import assert from "node:assert/strict";
import { parseMounts, realMounts } from "../../../agent/disks.ts";
import { parseProcessStat } from "../../../agent/processes.ts";
import { parseCores, parseStat } from "../../../metrics/cpu_usage.ts";
import { diskName } from "../../../metrics/disk.ts";
import { parseDiskstats } from "../../../metrics/disk_io.ts";
import { parseLoadavg } from "../../../metrics/load.ts";
import { linuxMemory, parseMeminfo } from "../../../metrics/memory_usage.ts";
import { parseNetDev } from "../../../metrics/network.ts";
import { parseStubStatus } from "../../../metrics/nginx.ts";
import { parseVmstat } from "../../../metrics/paging.ts";
import { parsePing } from "../../../metrics/ping.ts";
import { parsePressure } from "../../../metrics/pressure.ts";
import { parseInfo } from "../../../metrics/redis.ts";
import { parseSnmp } from "../../../metrics/tcp.ts";
import { fixture } from "../../metrics/fixture_host.ts";
import type { Target } from "../target.ts";
import { number, word } from "../words.ts";

const FILES = ["diskstats", "loadavg", "meminfo", "mounts", "net_dev", "net_snmp", "pressure_cpu"]
  .concat(["redis_info", "stat", "vmstat"]);
const STAT = "42 (a (b) c) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 100 1000 50 " +
  "1 2 3 4 5 6 7 8 9 10";
const OTHERS = [
  "Active connections: 2\nserver accepts handled requests\n 1 2 3\nReading: 0 Writing: 1 Waiting: 1\n",
  "3 packets transmitted, 3 received, 0% packet loss\nrtt min/avg/max/mdev = 1.0/2.0/3.0/0.1 ms\n",
];

const PARSERS: readonly ((text: string) => unknown)[] = [
  ...[parseCores, parseStat, parseDiskstats, parseLoadavg, parseMeminfo, linuxMemory, parseNetDev],
  ...[parseStubStatus, parsePing, parsePressure, parseInfo, parseSnmp],
  diskName,
  (text) => parseProcessStat(text, 4096),
  (text) => parseVmstat(text, 4096),
  (text) => realMounts(parseMounts(text)),
];

export const target: Target = {
  // one number without end took an expression two seconds, which tried it from each of its digits
  seeds: [...FILES.map(fixture), STAT, ...OTHERS, "9".repeat(65_536)],
  dictionary: [
    "cpu0 ",
    "MemTotal:",
    " kB",
    "\\040",
    "(",
    ")",
    "eth0: ",
    "Tcp: ",
    "some avg10=",
    "=",
  ],
  make: (rng) =>
    rng.list(
      0,
      30,
      () =>
        rng.list(1, 15, () => rng.chance(0.7) ? number(rng) : word(rng)).join(
          rng.pick([" ", ": ", "\t"]),
        ),
    )
      .join("\n"),
  check(input) {
    const text = new TextDecoder().decode(input);
    for (const parse of PARSERS) {
      try {
        numbersOf(parse(text), 0);
      } catch (error) {
        // a collector may fail; then it says why, and the others go on
        if (error instanceof assert.AssertionError || !(error instanceof Error)) throw error;
        assert.ok(!(error instanceof TypeError || error instanceof RangeError), error.stack);
      }
    }
  },
};

/** What is collected is a tree of numbers; NaN is refused by the agent, and must not be made. */
function numbersOf(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || depth > 8) return;
  for (const child of Object.values(value)) numbersOf(child, depth + 1);
}
