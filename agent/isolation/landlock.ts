/**
 * Landlock: rules about files and TCP ports that the Linux kernel holds a process to, whatever runs in
 * it, from now on and for all programs it becomes or starts. Nothing takes them away again.
 *
 * The kernel says how much of it there is by a number (from Linux 5.13 on): what it does not know may
 * not be asked for. 2: moving files between folders; 3: truncating; 4: TCP (6.7); 5: devices;
 * 6: signals and abstract sockets of processes outside.
 *
 * A rule about a file holds for that very file, not for another that takes its name later.
 */
import { addressOf, cText, type Libc } from "./libc.ts";

const CREATE_RULESET = 444n;
const ADD_RULE = 445n;
const RESTRICT_SELF = 446n;
const GET_VERSION = 1n;
const RULE_PATH = 1n;
const RULE_PORT = 2n;

const O_PATH_CLOEXEC = 0o10000000 | 0o2000000;

/** Rights on files, as the kernel numbers them. */
const EXECUTE = 1n << 0n;
const WRITE_FILE = 1n << 1n;
const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
const REFER = 1n << 13n;
const TRUNCATE = 1n << 14n;
const IOCTL_DEV = 1n << 15n;
/** Removing and making files and folders of all sorts. */
const CHANGE_DIR = 0b1_1111_1111n << 4n;
/** What can be said of something that is no folder. */
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

const BIND_TCP = 1n;
const CONNECT_TCP = 2n;
const NO_SIGNALS_NO_ABSTRACT_SOCKETS = 3n;

/** So are all machines that Deno runs on. */
const LITTLE_ENDIAN = true;

export type Access = "read" | "execute" | "write";

const RIGHTS: Record<Access, bigint> = {
  read: READ_FILE | READ_DIR,
  execute: READ_FILE | EXECUTE,
  write: WRITE_FILE | TRUNCATE | CHANGE_DIR | REFER,
};

export interface LandlockRules {
  /** What of the tree of files is open, and how; everything else is not. */
  paths: readonly { path: string; access: Access }[];
  /** TCP ports to connect to and to listen on; `true`: all. */
  ports: true | readonly number[];
}

/** The version of the kernel's Landlock; 0: there is none, or it is switched off. */
export function landlockVersion(libc: Libc): number {
  const version = libc.syscall(CREATE_RULESET, 0n, 0n, GET_VERSION, 0n);
  return Number(version) > 0 ? Number(version) : 0;
}

/** The rights on files that this version knows. */
function knownRights(version: number): bigint {
  const all = (1n << 13n) - 1n;
  return all | (version >= 2 ? REFER : 0n) | (version >= 3 ? TRUNCATE : 0n) |
    (version >= 5 ? IOCTL_DEV : 0n);
}

/**
 * Holds the calling thread, and what it becomes, to these rules. Paths that do not exist are left out.
 * Throws Error when the kernel refuses: then nothing is held.
 */
export function restrictSelf(libc: Libc, rules: LandlockRules): void {
  const version = landlockVersion(libc);
  const fs = knownRights(version);
  const net = version >= 4 && rules.ports !== true ? BIND_TCP | CONNECT_TCP : 0n;
  const ruleset = createRuleset(libc, version, { fs, net });
  for (const { path, access } of rules.paths) {
    allowPath(libc, ruleset, { path, rights: RIGHTS[access] & fs });
  }
  if (net !== 0n && rules.ports !== true) {
    for (const port of rules.ports) allowPort(libc, ruleset, port);
  }
  const done = libc.syscall(RESTRICT_SELF, BigInt(ruleset), 0n, 0n, 0n);
  libc.close(ruleset);
  if (done !== 0n) throw new Error("the kernel did not take the rules");
}

function createRuleset(libc: Libc, version: number, handled: { fs: bigint; net: bigint }): number {
  const scoped = version >= 6 ? NO_SIGNALS_NO_ABSTRACT_SOCKETS : 0n;
  const all = [handled.fs, handled.net, scoped];
  const attributes = new BigUint64Array(all.slice(0, version >= 6 ? 3 : version >= 4 ? 2 : 1));
  const bytes = new Uint8Array(attributes.buffer);
  const ruleset = libc.syscall(
    CREATE_RULESET,
    addressOf(bytes),
    BigInt(bytes.length),
    0n,
    0n,
  );
  if (ruleset < 0n) throw new Error("the kernel did not make a set of rules");
  return Number(ruleset);
}

function allowPath(libc: Libc, ruleset: number, rule: { path: string; rights: bigint }): void {
  const folder = isFolder(rule.path);
  if (folder === undefined) return;
  const parent = libc.open(cText(rule.path), O_PATH_CLOEXEC);
  if (parent < 0) return;
  // struct landlock_path_beneath_attr, without padding: u64 rights, i32 parent
  const attribute = new Uint8Array(12);
  const view = new DataView(attribute.buffer);
  view.setBigUint64(0, folder ? rule.rights : rule.rights & OF_FILES, LITTLE_ENDIAN);
  view.setInt32(8, parent, LITTLE_ENDIAN);
  addRule(libc, ruleset, { type: RULE_PATH, attribute });
  libc.close(parent);
}

function allowPort(libc: Libc, ruleset: number, port: number): void {
  const attribute = new Uint8Array(
    new BigUint64Array([BIND_TCP | CONNECT_TCP, BigInt(port)]).buffer,
  );
  addRule(libc, ruleset, { type: RULE_PORT, attribute });
}

function addRule(
  libc: Libc,
  ruleset: number,
  { type, attribute }: { type: bigint; attribute: Uint8Array<ArrayBuffer> },
): void {
  const done = libc.syscall(ADD_RULE, BigInt(ruleset), type, addressOf(attribute), 0n);
  if (done !== 0n) throw new Error("the kernel did not take a rule");
}

function isFolder(path: string): boolean | undefined {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return undefined;
  }
}
