/**
 * Messages over a pipe: four bytes of length (little-endian), then that many bytes of JSON.
 *
 * The reader never keeps more than one frame of the largest allowed size: a length beyond it ends
 * the conversation before any of it is read. What a frame says is the business of others.
 */

/** A result of `RESULT_CHARS_MAX` characters that are all escaped, and the message around it. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;
const HEAD_BYTES = 4;

/** The other side does not speak this language; nothing it says after that can be understood. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** One frame. Throws FrameError when the message is too long, or no JSON. */
export function encodeFrame(message: unknown): Uint8Array<ArrayBuffer> {
  let text: string | undefined;
  try {
    text = JSON.stringify(message);
  } catch (error) {
    throw new FrameError(`cannot be sent: ${error instanceof Error ? error.message : error}`);
  }
  const body = encoder.encode(text ?? "null");
  if (body.length > FRAME_BYTES_MAX) throw new FrameError(`is too long: ${body.length} bytes`);
  const frame = new Uint8Array(HEAD_BYTES + body.length);
  new DataView(frame.buffer).setUint32(0, body.length, true);
  frame.set(body, HEAD_BYTES);
  return frame;
}

/** Puts frames together again from pieces of any size. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** What is complete now. Throws FrameError; the reader is of no use after that. */
  push(piece: Uint8Array): unknown[] {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    const messages: unknown[] = [];
    for (let size = this.#size(); size !== undefined && this.#bytes >= size; size = this.#size()) {
      messages.push(parse(this.#take(size).subarray(HEAD_BYTES)));
    }
    return messages;
  }

  /** Bytes of the frame that comes next, its head included; undefined until they are known. */
  #size(): number | undefined {
    if (this.#bytes < HEAD_BYTES) return undefined;
    const all = this.#join(HEAD_BYTES);
    const size = new DataView(all.buffer, all.byteOffset).getUint32(0, true);
    if (size > FRAME_BYTES_MAX) throw new FrameError(`announced a message of ${size} bytes`);
    return HEAD_BYTES + size;
  }

  /** The first piece, made long enough. Joined rarely, so that long frames are not copied often. */
  #join(bytes: number): Uint8Array {
    const [first = new Uint8Array()] = this.#pieces;
    if (first.length >= bytes) return first;
    const joined = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [joined];
    return joined;
  }

  #take(bytes: number): Uint8Array {
    const all = this.#join(bytes);
    const [, ...rest] = this.#pieces;
    this.#pieces = all.length === bytes ? rest : [all.subarray(bytes), ...rest];
    this.#bytes -= bytes;
    return all.subarray(0, bytes);
  }
}

/** Reads one frame and not a byte more: what follows is for somebody else. Throws FrameError. */
export function readFirstFrame(read: (bytes: Uint8Array<ArrayBuffer>) => number | null): unknown {
  const fill = (bytes: Uint8Array<ArrayBuffer>) => {
    for (let at = 0; at < bytes.length;) {
      const count = read(bytes.subarray(at));
      if (count === null || count === 0) throw new FrameError("ended before its first message");
      at += count;
    }
    return bytes;
  };
  const size = new DataView(fill(new Uint8Array(HEAD_BYTES)).buffer).getUint32(0, true);
  if (size > FRAME_BYTES_MAX) throw new FrameError(`announced a message of ${size} bytes`);
  return parse(fill(new Uint8Array(size)));
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body));
  } catch {
    throw new FrameError("sent a message that is no JSON");
  }
}
