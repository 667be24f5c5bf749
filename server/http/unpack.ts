/**
 * Unpacks a compressed body, up to a bound. By engines of our own, as streams: of a damaged text Deno's
 * one-call functions keep the memory of the library below for ever (zstd 7 kB, gzip 25 kB a call; 2.7.11
 * and 2.9.6).
 *
 * An engine of zstd throws where nobody can catch it when it finds the damage in any step but its first.
 * So it gets room for all there is at once, which is what the text says of itself, or all that is
 * allowed; and it ends before a second step.
 */
import * as zlib from "node:zlib";

/** Reports unpack to about so many times their size. */
export const RATIO_USUAL = 8;
/** Of a piece of what is unpacked: few of them for a batch of a megabyte, and little for one report. */
const PIECE_BYTES = { min: 4 * 1024, max: 256 * 1024 };

interface Packed {
  bytes: Uint8Array;
  /** Of what is unpacked. */
  bytes_max: number;
}

const unpackers: Readonly<Record<string, (packed: Packed) => Promise<Uint8Array>>> = {
  gzip: (packed) => readAll(zlib.createGunzip(inPieces(packed)), packed),
  "x-gzip": (packed) => readAll(zlib.createGunzip(inPieces(packed)), packed),
  deflate: (packed) => readAll(zlib.createInflate(inPieces(packed)), packed),
  zstd: unzstd,
};

/** There is more in it than is allowed. */
export class UnpackedTooLargeError extends Error {
  override name = "UnpackedTooLargeError";
}

/** Whether bodies of this `content-encoding` can be unpacked. */
export function isPacking(encoding: string): boolean {
  return Object.hasOwn(unpackers, encoding.toLowerCase());
}

/**
 * The text of `bytes`, which are packed by `encoding` (one for which `isPacking` holds), in memory that is
 * nobody else's.
 *
 * @throws UnpackedTooLargeError as soon as there are more than `bytes_max` bytes, and what the library
 *   says of damaged ones
 */
export function unpack(
  bytes: Uint8Array,
  { encoding, bytes_max }: { encoding: string; bytes_max: number },
): Promise<Uint8Array> {
  const run = isPacking(encoding) ? unpackers[encoding.toLowerCase()] : undefined;
  if (run === undefined) return Promise.reject(new TypeError(`no packing "${encoding}"`));
  return run({ bytes, bytes_max });
}

function inPieces({ bytes }: Packed): { chunkSize: number } {
  const size = Math.max(bytes.length * RATIO_USUAL, PIECE_BYTES.min);
  return { chunkSize: Math.min(size, PIECE_BYTES.max) };
}

function readAll(
  engine: zlib.Gunzip | zlib.Inflate | zlib.ZstdDecompress,
  { bytes, bytes_max }: Packed,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const pieces: Uint8Array[] = [];
  let size = 0;
  const fail = (error: Error) => {
    // what the library holds is given back
    engine.close();
    engine.destroy();
    reject(error);
  };
  engine.on("data", (piece: Uint8Array) => {
    size += piece.length;
    if (size > bytes_max) fail(tooLarge(bytes_max));
    else pieces.push(piece);
  });
  engine.on("end", () => resolve(joined(pieces, size)));
  engine.on("error", fail);
  engine.end(bytes);
  return promise;
}

async function unzstd(packed: Packed): Promise<Uint8Array> {
  const { bytes, bytes_max } = packed;
  const stated = statedBytes(bytes);
  if (stated !== undefined && stated > bytes_max) throw tooLarge(bytes_max);
  try {
    return await unzstdWithin(bytes, stated ?? bytes_max);
  } catch (error) {
    // one frame behind another: each states its own size
    const is_larger = error instanceof UnpackedTooLargeError && stated !== undefined;
    if (!is_larger) throw error;
    return await unzstdWithin(bytes, bytes_max);
  }
}

/** In one step, which has a byte of room more than is allowed: a second would have been needed for more. */
function unzstdWithin(bytes: Uint8Array, bytes_max: number): Promise<Uint8Array> {
  const chunkSize = Math.max(bytes_max + 1, PIECE_BYTES.min);
  return readAll(zlib.createZstdDecompress({ chunkSize }), { bytes, bytes_max });
}

const ZSTD_MAGIC = 0xfd2fb528;

/** What the head of a zstd frame (RFC 8878, 3.1.1.1) says that is in it; undefined when it does not. */
function statedBytes(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 18 || view.getUint32(0, true) !== ZSTD_MAGIC) return undefined;
  const about = view.getUint8(4);
  const is_single = (about & 0x20) !== 0;
  const dictionary_bytes = [0, 1, 2, 4][about & 3] ?? 0;
  const at = 5 + (is_single ? 0 : 1) + dictionary_bytes;
  switch (about >> 6) {
    case 0:
      return is_single ? view.getUint8(at) : undefined;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

function tooLarge(bytes_max: number): UnpackedTooLargeError {
  return new UnpackedTooLargeError(`more than ${bytes_max} bytes`);
}

/** The pieces, `size` bytes in all, in memory that is nobody else's. */
export function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
