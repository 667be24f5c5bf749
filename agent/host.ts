/**
 * The trusted side of a script's `host`: answers what every script may know about the machine. The
 * caller is untrusted, so arguments are checked here and the answers are plain data.
 */
import { cpus, networkInterfaces } from "node:os";
import type { Clock } from "../clock.ts";
import { readCertificate } from "./certificate.ts";
import { DiskReader } from "./disks.ts";
import { isHostFile, isHostFolder } from "./host_files.ts";
import { pageBytes } from "./page_size.ts";
import { permissionExcess, type PermissionSet } from "./permissions.ts";
import { netName } from "./place.ts";
import { readProcesses } from "./processes.ts";
import { readSystemd } from "./systemd.ts";
import { readTcpStates } from "./tcp_states.ts";
import type { CpuTimes, Disk, Host, Memory, NetworkAddress } from "./monitor.d.ts";

/** Files of /proc have no size; /proc/interrupts of a big machine has 200 kB. */
const FILE_BYTES_MAX = 1024 * 1024;
/** No script sleeps longer than any timeout allows. */
const SLEEP_MS_MAX = 3_600_000;
const CERTIFICATE_MS_MAX = 5_000;
const UNITS_MAX = 100;

/**
 * The methods of `Host` that a Worker can call, by name; `permissions` are those of the Worker, and
 * `over` is aborted when the run that asks has ended.
 */
export type HostMethods = Record<
  string,
  (argument: unknown, permissions: PermissionSet, over?: AbortSignal) => unknown
>;

function memory(): Memory {
  const { swapTotal, swapFree, ...rest } = Deno.systemMemoryInfo();
  const page = Deno.build.os === "linux" ? { page_bytes: pageBytes() } : {};
  return { ...rest, swap_total: swapTotal, swap_free: swapFree, ...page };
}

function cpuTimes(): CpuTimes[] {
  return cpus().map(({ times }) => ({
    user: times.user / 1000,
    nice: times.nice / 1000,
    system: times.sys / 1000,
    idle: times.idle / 1000,
    irq: times.irq / 1000,
  }));
}

function networkAddresses(): NetworkAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map(({ family, address, mac }) => ({ interface: name, family, address, mac }))
  );
}

async function readHostFile(path: unknown): Promise<string> {
  if (typeof path !== "string" || !isHostFile(path)) {
    throw new Error(`host.read() does not serve ${JSON.stringify(path)}`);
  }
  // Synchronous reads of /proc take some 20 µs, a round through the thread pool five times that.
  const text = path.startsWith("/proc/")
    ? Deno.readTextFileSync(path)
    : await Deno.readTextFile(path);
  return text.length > FILE_BYTES_MAX ? text.slice(0, FILE_BYTES_MAX) : text;
}

async function listHostFolder(path: unknown): Promise<string[]> {
  if (typeof path !== "string" || !isHostFolder(path)) {
    throw new Error(`host.list() does not serve ${JSON.stringify(path)}`);
  }
  const names: string[] = [];
  for await (const { name } of Deno.readDir(path)) names.push(name);
  return names.sort();
}

/** The certificate of a server that the script itself may connect to. */
function certificate(argument: unknown, permissions: PermissionSet, clock: Clock) {
  const [hostname, port] = typeof argument === "object" && argument !== null
    ? [Reflect.get(argument, "hostname"), Reflect.get(argument, "port")]
    : [];
  if (typeof hostname !== "string" || typeof port !== "number") {
    throw new Error("host.certificate() wants { hostname, port }");
  }
  const wanted = netName({ hostname, port });
  if (permissionExcess({ net: [wanted] }, permissions).length > 0) {
    throw new Error(`host.certificate() needs the permission net of ${wanted}`);
  }
  const options = { now_ms: clock.now(), timeout_ms: CERTIFICATE_MS_MAX };
  return readCertificate({ hostname, port }, options);
}

function unitNames(argument: unknown): string[] {
  const fits = Array.isArray(argument) && argument.length <= UNITS_MAX;
  const names = fits ? argument.filter((name) => typeof name === "string") : [];
  if (!fits || names.length < argument.length) {
    throw new Error(`host.systemd() wants a list of at most ${UNITS_MAX} names`);
  }
  return names;
}

/** The answers for scripts on this machine. */
export function createHostMethods(options: { clock: Clock }): HostMethods {
  const disks = new DiskReader(options);
  // callers wait for one question, not for one each
  let pending_disks: Promise<Disk[]> | undefined;
  const methods: Record<Exclude<keyof Host, "platform" | "options">, HostMethods[string]> = {
    read: readHostFile,
    list: listHostFolder,
    sleep: (ms, _permissions, over) => {
      if (typeof ms !== "number" || !(ms >= 0)) throw new Error("host.sleep() wants milliseconds");
      // sleeps that nobody awaits would gather, run after run, in the agent's memory
      return options.clock.sleep(Math.min(ms, SLEEP_MS_MAX), over);
    },
    memory,
    loadavg: () => Deno.loadavg(),
    uptime: () => Deno.osUptime(),
    disks: () => pending_disks ??= disks.read().finally(() => pending_disks = undefined),
    cpus: cpuTimes,
    networkAddresses,
    processes: () => readProcesses(),
    tcpStates: () => readTcpStates(),
    systemd: (units) => readSystemd(unitNames(units), { clock: options.clock }),
    certificate: (address, permissions) => certificate(address, permissions, options.clock),
  };
  return methods;
}
