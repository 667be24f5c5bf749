/** A connection to the system's D-Bus, for questions: call, wait for the answer, next call. */
import {
  type DbusCall,
  type DbusValue,
  decodeMessage,
  encodeCall,
  messageLength,
} from "./dbus_message.ts";

/** Where the specification says that it is. */
export const SYSTEM_BUS = "/run/dbus/system_bus_socket";

const ERROR = 3;
const READ_BYTES = 64 * 1024;

export class DbusConnection implements Disposable {
  readonly #socket: Deno.Conn;
  #serial = 0;
  #received = new Uint8Array(0);

  private constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  /** Connects as the user this process runs as. It is closed when `signal` is aborted, also on the way. */
  static async open(path: string, signal: AbortSignal): Promise<DbusConnection> {
    const bus = new DbusConnection(await Deno.connect({ transport: "unix", path }));
    signal.addEventListener("abort", () => bus[Symbol.dispose](), { once: true });
    try {
      signal.throwIfAborted();
      await bus.#authenticate();
      await bus.call({
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        interface: "org.freedesktop.DBus",
        member: "Hello",
      });
      return bus;
    } catch (error) {
      bus[Symbol.dispose]();
      throw error;
    }
  }

  /** Values of the answer. Rejects with the sentence of an error that was answered. */
  async call(call: DbusCall): Promise<DbusValue[]> {
    const serial = ++this.#serial;
    await this.#write(encodeCall(call, serial));
    for (;;) {
      const length = messageLength(this.#received);
      if (length === undefined || this.#received.length < length) {
        await this.#read();
        continue;
      }
      const message = decodeMessage(this.#received.slice(0, length));
      this.#received = this.#received.slice(length);
      // signals that tell us our name and the like
      if (message.reply_serial !== serial) continue;
      if (message.type !== ERROR) return message.body;
      throw new Error(`${call.member}: ${String(message.body[0] ?? "it failed without a reason")}`);
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#socket.close();
    } catch {
      // closed already, by whoever gave up waiting
    }
  }

  async #authenticate(): Promise<void> {
    const uid = Array.from(String(Deno.uid() ?? 0), (digit) => `3${digit}`).join("");
    await this.#write(new TextEncoder().encode(`\0AUTH EXTERNAL ${uid}\r\n`));
    const text = () => new TextDecoder().decode(this.#received);
    while (!text().includes("\r\n")) await this.#read();
    if (!text().startsWith("OK ")) throw new Error(`the bus does not take us: ${text().trim()}`);
    this.#received = new Uint8Array(0);
    await this.#write(new TextEncoder().encode("BEGIN\r\n"));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    const length = await this.#socket.read(buffer);
    if (length === null) throw new Error("the bus has closed the connection");
    const joined = new Uint8Array(this.#received.length + length);
    joined.set(this.#received);
    joined.set(buffer.subarray(0, length), this.#received.length);
    this.#received = joined;
  }
}
