/**
 * This process's connections, from Linux: which there are, what went through them (`TCP_INFO` of
 * getsockopt, tcp(7)), and a way to end one. Elsewhere there is none of this.
 *
 * Only the thread that runs this accepts and closes connections of the port, and while a function of
 * the C library runs here, it does nothing else: so a descriptor whose address is that of the port
 * is the connection it was when it is shut down.
 */
import type { ConnectionFacts } from "./connections.ts";

const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const SHUT_RDWR = 2;
const AF_INET = 2;
const AF_INET6 = 10;
const LISTENING = 10;
const INFO_BYTES = 256;
/** Up to and with `tcpi_notsent_bytes`: Linux 4.6. */
const INFO_BYTES_MIN = 148;
const ADDRESS_BYTES = 128;

/** Places in `struct tcp_info`. */
const UNACKED = 24;
const LAST_DATA_SENT = 44;
const LAST_DATA_RECEIVED = 52;
const BYTES_ACKED = 120;
const BYTES_RECEIVED = 128;
const NOT_SENT = 144;

function openLibc() {
  return Deno.dlopen("libc.so.6", {
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    shutdown: { parameters: ["i32", "i32"], result: "i32" },
  }).symbols;
}

export class Sockets {
  readonly #libc = openLibc();
  readonly #port: number;
  readonly #info = new DataView(new ArrayBuffer(INFO_BYTES));
  readonly #address = new DataView(new ArrayBuffer(ADDRESS_BYTES));
  readonly #length = new DataView(new ArrayBuffer(4));

  /** Throws where this is not a Linux we know. */
  constructor(port: number) {
    this.#port = port;
  }

  /** Descriptors that are open. */
  async descriptors(): Promise<number[]> {
    const names = await Array.fromAsync(Deno.readDir("/proc/self/fd"), ({ name }) => Number(name));
    return names.filter((name) => Number.isInteger(name));
  }

  /** The connection of a descriptor; undefined when it is something else. */
  facts(fd: number): ConnectionFacts | undefined {
    const peer = this.#peerOf(fd);
    if (peer === undefined) return undefined;
    this.#length.setUint32(0, INFO_BYTES, true);
    const failed = this.#libc.getsockopt(
      fd,
      IPPROTO_TCP,
      TCP_INFO,
      bytes(this.#info),
      bytes(this.#length),
    );
    if (failed !== 0 || this.#length.getUint32(0, true) < INFO_BYTES_MIN) return undefined;
    const number = (at: number) => this.#info.getUint32(at, true);
    const large = (at: number) => Number(this.#info.getBigUint64(at, true));
    if (this.#info.getUint8(0) === LISTENING) return undefined;
    return {
      key: `${fd} ${peer}`,
      since_sent_ms: number(LAST_DATA_SENT),
      since_received_ms: number(LAST_DATA_RECEIVED),
      received: large(BYTES_RECEIVED),
      confirmed: large(BYTES_ACKED),
      is_sending: number(UNACKED) > 0 || number(NOT_SENT) > 0,
    };
  }

  /** Ends the connection that `facts` called so, if it is still the same. */
  close(key: string): boolean {
    const [fd = "", ...peer] = key.split(" ");
    if (this.#peerOf(Number(fd)) !== peer.join(" ")) return false;
    return this.#libc.shutdown(Number(fd), SHUT_RDWR) === 0;
  }

  /** Address and port of the other end, if this one is ours. */
  #peerOf(fd: number): string | undefined {
    if (!this.#read(this.#libc.getsockname, fd) || this.#portRead() !== this.#port) {
      return undefined;
    }
    if (!this.#read(this.#libc.getpeername, fd)) return undefined;
    const length = this.#length.getUint32(0, true);
    return String(bytes(this.#address).subarray(0, Math.min(length, ADDRESS_BYTES)));
  }

  #read(
    read: (fd: number, address: Uint8Array<ArrayBuffer>, length: Uint8Array<ArrayBuffer>) => number,
    fd: number,
  ): boolean {
    this.#length.setUint32(0, ADDRESS_BYTES, true);
    if (read(fd, bytes(this.#address), bytes(this.#length)) !== 0) return false;
    const family = this.#address.getUint16(0, true);
    return family === AF_INET || family === AF_INET6;
  }

  #portRead(): number {
    return this.#address.getUint16(2, false);
  }
}

function bytes(view: DataView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer);
}
