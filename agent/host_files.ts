/**
 * Which files of /proc and /sys every script may read through its `host`. Deno wants *all*
 * permissions for /proc and /sys, so the agent reads them for the scripts, and only these: numbers
 * about the machine. Nothing of single processes is among them (their environment and arguments
 * hold secrets), nor addresses of the kernel.
 *
 * Patterns are matched against the path as it is asked for; a `*` is one name. Symbolic links need
 * no thought, since in /proc and /sys the kernel makes them all.
 */

const FILES = [
  "/proc/stat",
  "/proc/meminfo",
  "/proc/loadavg",
  "/proc/uptime",
  "/proc/vmstat",
  "/proc/diskstats",
  "/proc/mdstat",
  "/proc/mounts",
  "/proc/swaps",
  "/proc/cpuinfo",
  "/proc/softirqs",
  "/proc/interrupts",
  "/proc/buddyinfo",
  "/proc/pressure/*",
  "/proc/net/dev",
  "/proc/net/snmp",
  "/proc/net/snmp6",
  "/proc/net/netstat",
  "/proc/net/sockstat",
  "/proc/net/sockstat6",
  "/proc/net/softnet_stat",
  "/proc/sys/fs/file-nr",
  "/proc/sys/fs/inode-nr",
  "/proc/sys/kernel/pid_max",
  "/proc/sys/kernel/threads-max",
  "/proc/sys/kernel/random/entropy_avail",
  "/proc/sys/net/netfilter/*",
  "/sys/block/*/*",
  "/sys/block/*/queue/*",
  "/sys/class/net/*/*",
  "/sys/class/net/*/statistics/*",
  "/sys/class/hwmon/*/*",
  "/sys/class/thermal/*/*",
  "/sys/class/power_supply/*/*",
  "/sys/devices/system/cpu/*/cpufreq/*",
  "/sys/devices/system/cpu/*/thermal_throttle/*",
  "/sys/devices/system/edac/mc/*/*",
  "/sys/devices/system/node/*/*",
  "/sys/fs/cgroup/*",
];

const FOLDERS = [
  "/sys/block",
  "/sys/block/*",
  "/sys/class/net",
  "/sys/class/net/*",
  "/sys/class/hwmon",
  "/sys/class/hwmon/*",
  "/sys/class/thermal",
  "/sys/class/thermal/*",
  "/sys/class/power_supply",
  "/sys/devices/system/cpu",
  "/sys/devices/system/edac/mc",
  "/sys/devices/system/node",
];

function matcher(patterns: readonly string[]): RegExp {
  const alternatives = patterns.map((pattern) =>
    pattern.replaceAll(".", "\\.").replaceAll("*", "(?!\\.{1,2}(?:/|$))[^/\\0]+")
  );
  return new RegExp(`^(?:${alternatives.join("|")})$`);
}

const FILE = matcher(FILES);
const FOLDER = matcher(FOLDERS);

/** Whether a script may read this file. */
export function isHostFile(path: string): boolean {
  return FILE.test(path);
}

/** Whether a script may list this folder. */
export function isHostFolder(path: string): boolean {
  return FOLDER.test(path);
}
