/**
 * What a table holds, as a number of rows and a checksum that does not depend on their order: the sum
 * of the SHA-256 of each row, as far as 128 bits of it go. Rows are those of PostgreSQL's binary COPY,
 * which are the same bytes for the same values whatever server sends them.
 *
 *   header  11 bytes signature, int32 flags, int32 length of what follows, that many bytes
 *   row     int16 number of fields; each field is an int32 length (-1: null) and its bytes
 *   end     int16 -1
 *
 * (PostgreSQL documentation: "COPY", section "Binary Format".)
 */
import { createHash } from "node:crypto";

const HEADER_BYTES = 19;
const END = -1;

export interface TableDigest {
  rows: number;
  /** 32 hexadecimal digits. */
  checksum: string;
}

export class RowDigest {
  /** What does not make a whole row yet. */
  #rest: Uint8Array = new Uint8Array();
  #state: "header" | "rows" | "ended" = "header";
  #rows = 0;
  #high = 0n;
  #low = 0n;

  get rows(): number {
    return this.#rows;
  }

  /** Takes the next piece of the stream; pieces may end anywhere. Nothing of it is kept. */
  push(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    if (this.#state === "header") {
      at = headerEnd(view);
      if (at > 0) this.#state = "rows";
    }
    while (this.#state === "rows" && at + 2 <= bytes.length) {
      if (view.getInt16(at) === END) {
        this.#state = "ended";
        at += 2;
        break;
      }
      const end = rowEnd(view, at);
      if (end === undefined) break;
      this.#add(bytes.subarray(at, end));
      at = end;
    }
    this.#rest = bytes.slice(at);
  }

  /** @throws {Error} when the stream has not come to its end, or goes on behind it */
  end(): TableDigest {
    if (this.#state !== "ended" || this.#rest.length > 0) {
      throw new Error("BUG: a COPY ended in the middle of its rows");
    }
    const hex = (lane: bigint) => lane.toString(16).padStart(16, "0");
    return { rows: this.#rows, checksum: hex(this.#high) + hex(this.#low) };
  }

  #add(row: Uint8Array): void {
    const hash = createHash("sha256").update(row).digest();
    this.#high = BigInt.asUintN(64, this.#high + hash.readBigUInt64BE(0));
    this.#low = BigInt.asUintN(64, this.#low + hash.readBigUInt64BE(8));
    this.#rows += 1;
  }
}

/** Where the first row begins; 0 as long as the header is not complete. */
function headerEnd(view: DataView): number {
  if (view.byteLength < HEADER_BYTES) return 0;
  const end = HEADER_BYTES + view.getInt32(HEADER_BYTES - 4);
  return view.byteLength < end ? 0 : end;
}

/** Undefined when the row goes on behind what there is. */
function rowEnd(view: DataView, start: number): number | undefined {
  let at = start + 2;
  for (let fields = view.getInt16(start); fields > 0; fields--) {
    if (at + 4 > view.byteLength) return undefined;
    at += 4 + Math.max(0, view.getInt32(at));
  }
  return at > view.byteLength ? undefined : at;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
