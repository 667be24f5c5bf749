/**
 * Builds the kernel's walls around the process it runs in, which then becomes a process of collectors.
 * In this order, since each step takes away what the next does not need:
 *
 * 1. No core dumps, and first to go when the machine has no memory left.
 * 2. Another user when the agent is root, and root's powers dropped but one: a file that the operator
 *    granted may be root's alone, so reading (or writing) past its mode stays allowed, and Landlock says
 *    which files.
 * 3. no_new_privs: no program regains what was dropped. The next two ask for it.
 * 4. A filter of system calls: what sockets it may make.
 * 5. Landlock: files and TCP ports.
 * 6. The end of the agent ends this process.
 *
 * Steps of a thread are enough: becoming another program ends all other threads.
 */
import { dirname } from "node:path";
import { type Access, type LandlockRules, landlockVersion, restrictSelf } from "./landlock.ts";
import { addressOf, execute, type Libc, loadLibc } from "./libc.ts";
import type { ConfineOrder, Walls } from "./messages.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, callFilter, installFilter } from "./seccomp.ts";
import { HOLD_ARGUMENT, type ProgramStart, programStart } from "./start.ts";
import type { ScriptUser } from "./user.ts";
import type { Grants } from "./walls.ts";

const PR_SET_PDEATHSIG = 1;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2n;
const SIGKILL = 9n;
const RLIMIT_CORE = 4;

/** Powers of root: past the mode of files. The second is for reading and looking into folders only. */
const CAP_DAC_OVERRIDE = 1;
const CAP_DAC_READ_SEARCH = 2;
const CAPABILITIES = 64;
/** Of capset(2), with sets of 64 bits. */
const CAPSET: Partial<Record<typeof Deno.build.arch, bigint>> = { x86_64: 126n, aarch64: 91n };
const CAPSET_VERSION = 0x20080522;

const UNREACHABLE = "no other user can read the program's files: collectors run as root, without " +
  "root's powers";
const UNCHANGED = "the system lets root become no other user: collectors run as root, without " +
  "root's powers";

/** Killed before anything else of the machine when memory runs out; 1000 is the most. */
const OOM_SCORE = "800";

/** What the runtime itself reads, beside the program and the libraries it consists of. */
const RUNTIME_READS = [
  ...["/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/usr/share/zoneinfo"],
  ...["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/proc/meminfo", "/proc/stat"],
  ...["/proc/loadavg", "/proc/uptime", "/proc/cpuinfo", "/proc/sys/kernel", "/proc/sys/vm"],
  // of this very process: where its stack is
  ...["/sys/devices/system/cpu/online", "/proc/self"],
];
/** … and to find other machines, and to trust them. */
const NETWORK_READS = [
  ...["/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"],
  ...["/etc/services", "/etc/protocols", "/etc/ssl", "/etc/pki", "/usr/share/ca-certificates"],
];

/**
 * Follows the order and becomes a process of collectors, or the program that `becomes` makes of the
 * walls. Throws when that fails.
 */
export function confine(
  order: ConfineOrder,
  becomes: (walls: Walls) => ProgramStart = (walls) =>
    programStart([HOLD_ARGUMENT, JSON.stringify(walls), String(order.lid_bytes)]),
): never {
  const libc = loadLibc();
  const walls: Walls = { landlock: 0, tcp: false, calls: false };
  limit(libc);
  if (order.is_root) dropPowers(libc, order, walls);
  libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n);
  walls.calls = filterCalls(libc, order.grants);
  if (order.landlock) {
    const version = landlockVersion(libc);
    if (version > 0) restrictSelf(libc, rulesFor(order.grants));
    walls.landlock = version;
    walls.tcp = version >= 4;
    walls.missing = [walls.missing, missingText(version)].filter(Boolean).join("; ") || undefined;
  }
  libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n);
  const { path, args } = becomes(walls);
  execute(libc, { path, args, env: Deno.env.toObject() });
  throw new Error(`Cannot start ${path}`);
}

/** Sockets of the domains that the grants need; files that were granted may be sockets. */
function filterCalls(libc: Libc, { ports, read, write }: Grants): boolean {
  const has = (list: true | readonly unknown[]) => list === true || list.length > 0;
  const domains = [
    AF_NETLINK,
    ...(has(ports) ? [AF_INET, AF_INET6] : []),
    // finding names may go by way of a local service
    ...(has(ports) || has(read) || has(write) ? [AF_UNIX] : []),
  ];
  const filter = callFilter(Deno.build.arch, domains);
  return filter !== undefined && installFilter(libc, filter);
}

function missingText(version: number): string | undefined {
  if (version === 0) return "this kernel has no Landlock, or it is switched off";
  return version < 4
    ? "this kernel's Landlock does not know TCP (it came with Linux 6.7)"
    : undefined;
}

function limit(libc: Libc): void {
  libc.setrlimit(RLIMIT_CORE, new BigUint64Array([0n, 0n]));
  try {
    Deno.writeTextFileSync("/proc/self/oom_score_adj", OOM_SCORE);
  } catch {
    // /proc may be read-only; then memory that runs out hits somebody else
  }
}

/** Becomes `order.user`, if the system lets it, with no power but what the granted files need. */
function dropPowers(libc: Libc, { user, grants }: ConfineOrder, walls: Walls): void {
  const wanted = [
    ...(grants.read === true || grants.read.length > 0 ? [CAP_DAC_READ_SEARCH] : []),
    ...(grants.write === true || grants.write.length > 0 ? [CAP_DAC_OVERRIDE] : []),
  ];
  for (let power = 0; power < CAPABILITIES; power++) {
    if (!wanted.includes(power)) libc.prctl(PR_CAPBSET_DROP, BigInt(power), 0n, 0n, 0n);
  }
  libc.prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n);
  const changed = user !== undefined && becomeUser(libc, user);
  walls.uid = changed ? user.uid : 0;
  if (!changed) walls.missing = user === undefined ? UNREACHABLE : UNCHANGED;
  setPowers(libc, wanted);
  for (const power of wanted) {
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, BigInt(power), 0n, 0n);
  }
}

/** All or nothing: a container may have no other users. */
function becomeUser(libc: Libc, { uid, gid }: ScriptUser): boolean {
  if (libc.setgroups(0n, null) !== 0 || libc.setresgid(gid, gid, gid) !== 0) return false;
  return libc.setresuid(uid, uid, uid) === 0;
}

function setPowers(libc: Libc, wanted: readonly number[]): void {
  const number = CAPSET[Deno.build.arch];
  if (number === undefined) throw new Error(`Cannot drop powers on ${Deno.build.arch}`);
  const header = new Uint8Array(new Int32Array([CAPSET_VERSION, 0]).buffer);
  const low = wanted.reduce((bits, power) => bits | (1 << power), 0);
  // effective, permitted, inheritable; then the same for numbers above 31
  const sets = new Uint8Array(new Uint32Array([low, low, low, 0, 0, 0]).buffer);
  if (libc.syscall(number, addressOf(header), addressOf(sets), 0n, 0n) !== 0n) {
    throw new Error("Cannot drop the powers of root");
  }
}

/** What the kernel lets a process with these grants do: what was granted, and what Deno itself needs. */
function rulesFor(grants: Grants): LandlockRules {
  const { path, files } = programStart([]);
  const libraries = loadedLibraries();
  const reads = [
    ...[...files, ...RUNTIME_READS],
    ...[...new Set(libraries.map(dirname))],
    ...(grants.ports === true || grants.ports.length > 0 ? networkReads() : []),
    ...(grants.read === true ? ["/"] : grants.read.map(existing)),
  ];
  const writes = grants.write === true ? ["/"] : grants.write.map(existing);
  const rule = (access: Access) => (path: string) => ({ path, access });
  return {
    paths: [
      ...reads.map(rule("read")),
      // the program, and what loads its libraries, are all that may be executed
      ...[path, ...libraries.filter(isLoader)].map(rule("execute")),
      ...["/dev/null", ...writes].map(rule("write")),
    ],
    ports: grants.ports,
  };
}

/** Certificates may be elsewhere. */
function networkReads(): string[] {
  const named = ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "DENO_CERT"]
    .map((name) => Deno.env.get(name));
  return [...NETWORK_READS, ...named.filter((path) => path !== undefined)];
}

/** A file that is not there yet can only be allowed with the folder it will be in. */
function existing(path: string): string {
  try {
    Deno.statSync(path);
    return path;
  } catch {
    return dirname(path);
  }
}

/** The shared libraries that are part of this process. */
function loadedLibraries(): string[] {
  const lines = Deno.readTextFileSync("/proc/self/maps").split("\n");
  const paths = lines.map((line) => /\s(\/\S+\.so[.\d]*)$/.exec(line)?.[1]);
  return [...new Set(paths.filter((path) => path !== undefined))];
}

function isLoader(path: string): boolean {
  return /\/ld[-.][^/]*\.so/.test(path) || /\/ld-linux/.test(path);
}
