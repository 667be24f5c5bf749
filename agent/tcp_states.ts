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
const [NEWLINE, SPACE] = [10, 32];

/** Counts lines by their fourth field, whatever pieces the text comes in. */
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
  #field = 0;
  #in_field = false;
  #state = 0;

  add(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === NEWLINE) this.#endLine();
      else if (byte === SPACE) this.#in_field = false;
      else {
        if (!this.#in_field) {
          this.#in_field = true;
          this.#field += 1;
        }
        if (this.#field === 4) this.#state = this.#state * 16 + hexDigit(byte);
      }
    }
  }

  #endLine(): void {
    const state = STATES[this.#state];
    // the heading's fourth field, "st", is no number
    if (state !== undefined) this.counts[state] += 1;
    [this.#field, this.#in_field, this.#state] = [0, false, 0];
  }
}

function hexDigit(byte: number): number {
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
