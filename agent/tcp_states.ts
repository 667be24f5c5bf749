/**
 * TCP connections counted by state. The kernel's table has a line of 150 bytes for each of them, with
 * the addresses of both ends: it is read piece by piece, and nothing but the count leaves this file.
 */
import type { TcpStates } from "./monitor.d.ts";

/** By the kernel's number, from 1. NEW_SYN_RECV, the twelfth, is shown as SYN_RECV. */
const STATES: (keyof TcpStates | undefined)[] = [
  undefined,
  "established",
  "syn_sent",
  "syn_recv",
  "fin_wait1",
  "fin_wait2",
  "time_wait",
  undefined,
  "close_wait",
  "last_ack",
  "listen",
  "closing",
  "syn_recv",
];

const PIECE_BYTES = 64 * 1024;
/** A million connections; a table that grows while it is read must end somewhere. */
const TABLE_BYTES_MAX = 160 * 1024 * 1024;
const [NEWLINE, COLON] = [10, 58];
/** "   0: " less one: the colon stands at 4. */
const NUMBER_COLUMNS = 4;

/** Counts the lines of a table, whatever pieces the text comes in. */
export class TcpStateCounter {
  readonly counts: TcpStates = {
    established: 0,
    syn_sent: 0,
    syn_recv: 0,
    fin_wait1: 0,
    fin_wait2: 0,
    time_wait: 0,
    close_wait: 0,
    last_ack: 0,
    listen: 0,
    closing: 0,
  };
  /** How far the state is from the colon behind the line's number; the heading tells. */
  #distance = 0;
  #rest: Uint8Array = new Uint8Array(0);

  add(piece: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? piece : joined(this.#rest, piece);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.#line(bytes, start, end);
      start = end + 1;
    }
    this.#rest = bytes.slice(start);
  }

  #line(bytes: Uint8Array, start: number, end: number): void {
    const colon = bytes.indexOf(COLON, start);
    if (colon < 0 || colon >= end) {
      const heading = new TextDecoder().decode(bytes.subarray(start, end));
      // "  sl  local_address": a line's number takes the place of "sl  ", its colon the last of it
      this.#distance = heading.indexOf(" st ") + 1 - NUMBER_COLUMNS;
      return;
    }
    const at = colon + this.#distance;
    const number = hexDigit(bytes[at]) * 16 + hexDigit(bytes[at + 1]);
    const state = STATES[number];
    if (state !== undefined) this.counts[state] += 1;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

function hexDigit(byte = 0): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 65 && byte <= 70) return byte - 55;
  return NaN;
}

/** Of this machine's connections, over both protocols. */
export function readTcpStates(files = ["/proc/net/tcp", "/proc/net/tcp6"]): TcpStates {
  const counter = new TcpStateCounter();
  const buffer = new Uint8Array(PIECE_BYTES);
  for (const path of files) {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path);
    } catch {
      // a machine without IPv6
      continue;
    }
    try {
      for (let total = 0; total < TABLE_BYTES_MAX;) {
        const length = file.readSync(buffer);
        if (length === null) break;
        counter.add(buffer.subarray(0, length));
        total += length;
      }
    } finally {
      file.close();
    }
  }
  return counter.counts;
}
