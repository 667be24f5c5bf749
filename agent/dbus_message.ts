/**
 * Messages of D-Bus, as far as asking a service questions needs them. Little endian throughout. A
 * value is aligned to its size, counted from the start of the message; strings are a length, the
 * bytes and a zero; an array is its length in bytes, then the padding its elements want, then these.
 *
 *   'l' type flags 1 | u32 body bytes | u32 serial | array of (field, variant) | padding to 8 | body
 */

export type DbusValue = number | bigint | boolean | string | DbusValue[];

const METHOD_CALL = 1;
const FIELD = { path: 1, interface: 2, member: 3, reply_serial: 5, destination: 6, signature: 8 };
const HEADER_BYTES = 16;
/** The protocol allows 128 MiB; a list of all units has some hundred kB. */
export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
/** As the protocol has it: 32 arrays and 32 structures in each other, variants among them. */
const DEPTH_MAX = 64;

export interface DbusCall {
  destination: string;
  path: string;
  interface: string;
  member: string;
  /** Texts, or lists of texts. */
  arguments?: (string | string[])[];
}

export interface DbusMessage {
  /** 1 call, 2 answer, 3 error, 4 signal. */
  type: number;
  reply_serial: number | undefined;
  body: DbusValue[];
}

class Writer {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
  }

  byte(...values: number[]): void {
    this.#bytes.push(...values);
  }

  u32(value: number): void {
    this.align(4);
    this.byte(value & 255, value >>> 8 & 255, value >>> 16 & 255, value >>> 24);
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.u32(bytes.length);
    this.byte(...bytes, 0);
  }

  signature(value: string): void {
    this.byte(value.length, ...new TextEncoder().encode(value), 0);
  }

  /** Writes what `write` does, behind its length in bytes. */
  sized(align: number, write: () => void): void {
    this.u32(0);
    const at = this.length - 4;
    this.align(align);
    const start = this.length;
    write();
    const length = this.length - start;
    for (let i = 0; i < 4; i++) this.#bytes[at + i] = length >>> 8 * i & 255;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }
}

/** The bytes of a call. */
export function encodeCall(call: DbusCall, serial: number): Uint8Array<ArrayBuffer> {
  const args = call.arguments ?? [];
  const body = new Writer();
  for (const argument of args) {
    if (typeof argument === "string") body.text(argument);
    else body.sized(4, () => argument.forEach((one) => body.text(one)));
  }
  const head = new Writer();
  head.byte("l".charCodeAt(0), METHOD_CALL, 0, 1);
  head.u32(body.length);
  head.u32(serial);
  const field = (code: number, type: string, write: () => void) => {
    head.align(8);
    head.byte(code);
    head.signature(type);
    write();
  };
  head.sized(8, () => {
    field(FIELD.path, "o", () => head.text(call.path));
    field(FIELD.interface, "s", () => head.text(call.interface));
    field(FIELD.member, "s", () => head.text(call.member));
    field(FIELD.destination, "s", () => head.text(call.destination));
    if (args.length === 0) return;
    const signature = args.map((one) => typeof one === "string" ? "s" : "as").join("");
    field(FIELD.signature, "g", () => head.signature(signature));
  });
  head.align(8);
  return new Uint8Array([...head.bytes(), ...body.bytes()]);
}

/** How long the message is that begins with these bytes; undefined while that cannot be told. */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (bytes[0] !== "l".charCodeAt(0)) throw new Error("the bus answers in another byte order");
  const fields = view.getUint32(12, true);
  const length = Math.ceil((HEADER_BYTES + fields) / 8) * 8 + view.getUint32(4, true);
  if (length > MESSAGE_BYTES_MAX) throw new Error("the bus sent a message that is too long");
  return length;
}

/** Where the type that begins at `at` ends: `a(ss)` is one type. */
function typeEnd(signature: string, at: number): number {
  const first = signature[at];
  if (first === "a") return typeEnd(signature, at + 1);
  if (first !== "(" && first !== "{") return at + 1;
  let end = at + 1;
  while (signature[end] !== ")" && signature[end] !== "}") {
    if (end >= signature.length) throw new Error(`the bus sent a wrong signature "${signature}"`);
    end = typeEnd(signature, end);
  }
  return end + 1;
}

/** Size and alignment of what has always the same size. */
const FIXED: Record<string, number> = {
  y: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  h: 4,
  x: 8,
  t: 8,
  d: 8,
};

class Reader {
  readonly #view: DataView;
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Values of the types in `signature`, one after the other. */
  all(signature: string): DbusValue[] {
    const values: DbusValue[] = [];
    for (let at = 0; at < signature.length;) {
      const end = typeEnd(signature, at);
      values.push(this.#one(signature.slice(at, end)));
      at = end;
    }
    return values;
  }

  align(to: number): void {
    this.#at = Math.ceil(this.#at / to) * to;
  }

  u32(): number {
    return Number(this.#fixed("u"));
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  #one(type: string): DbusValue {
    const [first = ""] = type;
    if (first in FIXED) return this.#fixed(first);
    if (first === "s" || first === "o") return this.#text(this.u32());
    if (first === "g") return this.#text(Number(this.#fixed("y")));
    if (!"va({".includes(first) || type === "") {
      throw new Error(`the bus sent an unknown type "${type}"`);
    }
    if (++this.#depth > DEPTH_MAX) throw new Error("the bus sent a value that is nested too deep");
    const value = this.#container(first, type);
    this.#depth--;
    return value;
  }

  #container(first: string, type: string): DbusValue {
    if (first === "v") {
      const [value = ""] = this.all(this.#text(Number(this.#fixed("y"))));
      return value;
    }
    if (first === "a") return this.#array(type.slice(1));
    this.align(8);
    return this.all(type.slice(1, -1));
  }

  #array(type: string): DbusValue[] {
    const length = this.u32();
    this.align(/^[({]/.test(type) ? 8 : FIXED[type[0] ?? ""] ?? (/^[gv]/.test(type) ? 1 : 4));
    const end = this.#at + length;
    const values: DbusValue[] = [];
    while (this.#at < end) {
      const before = this.#at;
      values.push(this.#one(type));
      // elements of no bytes would never come to the end
      if (this.#at === before) throw new Error("the bus sent a list of nothing");
    }
    return values;
  }

  #text(length: number): string {
    const { buffer, byteOffset, byteLength } = this.#view;
    // what follows in the buffer belongs to another message
    if (this.#at + length > byteLength) throw new Error("the bus sent a text that is cut off");
    const bytes = new Uint8Array(buffer, byteOffset + this.#at, length);
    this.#at += length + 1;
    return new TextDecoder().decode(bytes);
  }

  #fixed(type: string): number | bigint | boolean {
    const size = FIXED[type] ?? 1;
    this.align(size);
    const at = this.#at;
    this.#at += size;
    const view = this.#view;
    switch (type) {
      case "y":
        return view.getUint8(at);
      case "n":
        return view.getInt16(at, true);
      case "q":
        return view.getUint16(at, true);
      case "b":
        return view.getUint32(at, true) !== 0;
      case "i":
        return view.getInt32(at, true);
      case "x":
        return view.getBigInt64(at, true);
      case "t":
        return view.getBigUint64(at, true);
      case "d":
        return view.getFloat64(at, true);
      default:
        return view.getUint32(at, true);
    }
  }
}

/** A whole message. Throws Error when it is none. */
export function decodeMessage(bytes: Uint8Array): DbusMessage {
  const reader = new Reader(bytes);
  const [, type = 0] = reader.all("yyyy").map(Number);
  reader.skip(8);
  const [fields = []] = reader.all("a(yv)");
  const of = (code: number) => {
    const found = Array.isArray(fields)
      ? fields.find((field) => Array.isArray(field) && field[0] === code)
      : undefined;
    return Array.isArray(found) ? found[1] : undefined;
  };
  reader.align(8);
  const reply_serial = of(FIELD.reply_serial);
  const signature = of(FIELD.signature);
  return {
    type,
    reply_serial: typeof reply_serial === "number" ? reply_serial : undefined,
    body: typeof signature === "string" ? reader.all(signature) : [],
  };
}
