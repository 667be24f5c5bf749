/**
 * Which sockets a process may make, and a few calls that no collector needs: a filter of system calls
 * (seccomp). Landlock says to which TCP ports a process may connect, from Linux 6.7 on; this keeps one
 * that was granted no network from any, UDP and older kernels included.
 *
 * The filter is a program for the kernel's classic BPF: it looks at the number of the call and at its
 * first argument, and answers "allowed" or "permission denied". Jumps only go forward.
 */
import { addressOf, type Libc } from "./libc.ts";

/** Domains of sockets, as socket(2) has them. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
/** Asks the kernel for the network interfaces. */
export const AF_NETLINK = 16;

/** What differs between processors: the kernel's name for it, and the numbers of calls. */
interface Machine {
  audit: number;
  socket: number;
  /** ptrace, process_vm_readv, process_vm_writev, bpf, userfaultfd, perf_event_open, keys, io_uring. */
  refused: readonly number[];
}

const MACHINES: Partial<Record<typeof Deno.build.arch, Machine>> = {
  x86_64: {
    audit: 0xc000003e,
    socket: 41,
    refused: [101, 310, 311, 321, 323, 298, 248, 249, 250, 425],
  },
  aarch64: {
    audit: 0xc00000b7,
    socket: 198,
    refused: [117, 270, 271, 280, 282, 241, 217, 218, 219, 425],
  },
};

const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
/** The error number is in the lower half: EACCES. */
const REFUSE = 0x00050000 | 13;
/** Calls of another form of the same processor begin here. */
const OTHER_FORM = 0x40000000;

const CALL_NUMBER = 0;
const MACHINE = 4;
const FIRST_ARGUMENT = 16;

const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2n;

/** The filter for a process that may make sockets of these domains; undefined for unknown processors. */
export function callFilter(
  arch: typeof Deno.build.arch,
  domains: readonly number[],
): Uint8Array<ArrayBuffer> | undefined {
  const machine = MACHINES[arch];
  if (machine === undefined) return undefined;
  // lines are [code, value, where to jump if so]; the last two are the two answers
  const lines: [code: number, value: number, target?: "allow" | "refuse" | "next" | "socket"][] = [
    [LOAD, MACHINE],
    [JUMP_IF_EQUAL, machine.audit, "next"],
    [LOAD, CALL_NUMBER],
    [JUMP_IF_AT_LEAST, OTHER_FORM, "refuse"],
    ...machine.refused.map((call): [number, number, "refuse"] => [JUMP_IF_EQUAL, call, "refuse"]),
    [JUMP_IF_EQUAL, machine.socket, "socket"],
    [LOAD, FIRST_ARGUMENT],
    ...domains.map((domain): [number, number, "allow"] => [JUMP_IF_EQUAL, domain, "allow"]),
    [RETURN, REFUSE],
    [RETURN, ALLOW],
  ];
  const bytes = new Uint8Array(lines.length * 8);
  const view = new DataView(bytes.buffer);
  lines.forEach(([code, value, target], index) => {
    const [allow, refuse] = [lines.length - 2 - index, lines.length - 3 - index];
    const jumps = {
      allow: [allow, 0],
      refuse: [refuse, 0],
      // another processor's calls are refused, other calls than socket() allowed
      next: [0, refuse],
      socket: [0, allow],
    };
    const [so = 0, else_so = 0] = target === undefined ? [] : jumps[target];
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, so);
    view.setUint8(index * 8 + 3, else_so);
    view.setUint32(index * 8 + 4, value, true);
  });
  return bytes;
}

/** Holds the calling thread, and what it becomes, to a filter. False when the kernel has none. */
export function installFilter(libc: Libc, filter: Uint8Array<ArrayBuffer>): boolean {
  // struct sock_fprog: u16 length in lines, padding, pointer
  const program = new Uint8Array(16);
  const view = new DataView(program.buffer);
  view.setUint16(0, filter.length / 8, true);
  view.setBigUint64(8, addressOf(filter), true);
  const done = libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, addressOf(program), 0n, 0n);
  return done === 0;
}
