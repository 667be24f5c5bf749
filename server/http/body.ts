/**
 * Reads a request body within limits: bytes on the wire, bytes after decompression, and room in the
 * queue. Small bodies with a stated length, which is what agents send, are read in one call;
 * everything else arrives in pieces that are counted as they come.
 */
import type { Clock } from "../../clock.ts";
import type { Turns } from "./turns.ts";
import { isPacking, joined, RATIO_USUAL, unpack, UnpackedTooLargeError } from "./unpack.ts";

/** The body is larger than allowed. */
export class BodyTooLargeError extends Error {
  override name = "BodyTooLargeError";
}

/** The body cannot be read: broken or unknown compression, or the sender went away. */
export class BodyUnreadableError extends Error {
  override name = "BodyUnreadableError";
}

/** The body came too slowly: meanwhile it took room from others. */
export class BodyTooSlowError extends Error {
  override name = "BodyTooSlowError";
}

/** Takes and gives back bytes of the server's room for data under way. */
export interface Room {
  reserve(bytes: number): void;
  release(bytes: number): void;
}

export interface BodyOptions {
  bytes_max: number;
  room: Room;
  clock: Pick<Clock, "sleep">;
  /** Shares out the thread. */
  turns: Pick<Turns, "run">;
  /** Looks at the body as it travelled; what it throws is thrown. */
  check?: (raw: Uint8Array) => void;
}

/** A body of 16 MiB in a minute is 2 Mbit/s. */
const READ_MS_MAX = 60_000;

/** Bodies up to this size are read without asking for room: connections bound their number. */
const SMALL_BYTES = 64 * 1024;

/**
 * Does this body state a small length? Then `readSmallBody` will do. (Two headers are all that is
 * looked at on the way of every report: each costs a microsecond.)
 */
export function isSmallBody({ headers }: Request): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) <= SMALL_BYTES &&
    headers.get("content-encoding") === null;
}

/** Reads a body for which `isSmallBody` holds; throws BodyUnreadableError, and what `check` throws. */
export async function readSmallBody(
  request: Request,
  check: (raw: Uint8Array) => void = () => {},
): Promise<Uint8Array> {
  let body: Uint8Array;
  try {
    body = new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    throw unreadable(error);
  }
  check(body);
  return body;
}

/** A refused body up to this size is read to its end; of a larger one the connection is closed. */
const DISCARD_BYTES_MAX = 1024 * 1024;

/**
 * Reads a body that nobody wants: a connection whose request was not read cannot be used again, and a
 * thousand senders that connect anew cost more than what they send. Never throws.
 */
export async function discardBody(request: Request): Promise<void> {
  const length = Number(request.headers.get("content-length") ?? NaN);
  if (!(length <= DISCARD_BYTES_MAX)) return;
  try {
    if (length <= SMALL_BYTES) await request.arrayBuffer();
    else for await (const _piece of request.body ?? []);
  } catch {
    // the sender is gone
  }
}

/**
 * Calls `use` with the request's body, decompressed, in memory that is nobody else's; when it is its turn.
 *
 * @throws BodyTooLargeError, BodyTooSlowError, BodyUnreadableError, and what `room.reserve` throws
 */
export async function withBody<T>(
  request: Request,
  options: BodyOptions,
  use: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const encoding = request.headers.get("content-encoding");
  const length = Number(request.headers.get("content-length") ?? NaN);
  if (length > options.bytes_max) throw tooLarge(`${length} bytes`, options.bytes_max);
  let reserved = 0;
  const reserve = (bytes: number) => {
    options.room.reserve(bytes);
    reserved += bytes;
  };
  const resize = (more: number) => {
    if (more > 0) return reserve(more);
    options.room.release(-more);
    reserved += more;
  };
  try {
    const raw = await readAll(request, options, reserve);
    options.check?.(raw);
    const { bytes_max } = options;
    // room for what it will be is taken before it waits for its turn: a body for which there is none
    // then would have waited in vain
    const is_packed = encoding !== null && isPacking(encoding);
    const expected = !is_packed
      ? 0
      // never more than a body may be: it would find no room in an empty queue
      : Math.max(0, Math.min(raw.length * RATIO_USUAL, bytes_max - raw.length));
    reserve(expected);
    return await options.turns.run(async () => {
      const body = await decompress(raw, { encoding, bytes_max });
      if (is_packed) resize(body.length - expected);
      return await use(body);
    });
  } finally {
    options.room.release(reserved);
  }
}

async function readAll(
  request: Request,
  { bytes_max, clock }: BodyOptions,
  reserve: (bytes: number) => void,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const body = request.body;
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const read = new AbortController();
  const late = clock.sleep(READ_MS_MAX, read.signal);
  try {
    for (;;) {
      let piece: Uint8Array | undefined;
      let is_late = false;
      try {
        const next = await Promise.race([reader.read(), late]);
        is_late = next === undefined;
        piece = next?.value;
      } catch (error) {
        throw unreadable(error);
      }
      if (is_late) {
        throw new BodyTooSlowError(
          `Cannot take the body: after ${READ_MS_MAX / 1000} s only ${bytes} bytes of it are here`,
        );
      }
      if (piece === undefined) break;
      bytes += piece.length;
      if (bytes > bytes_max) throw tooLarge(`more than ${bytes_max} bytes`, bytes_max);
      reserve(piece.length);
      pieces.push(piece);
    }
  } finally {
    read.abort();
    // the rest of a refused body is not read
    await reader.cancel().catch(() => {});
  }
  return joined(pieces, bytes);
}

async function decompress(
  raw: Uint8Array,
  options: { encoding: string | null; bytes_max: number },
): Promise<Uint8Array> {
  const { encoding, bytes_max } = options;
  if (encoding === null || encoding === "identity") return raw;
  if (!isPacking(encoding)) {
    throw new BodyUnreadableError(
      `Cannot read the body: content-encoding must be gzip, zstd, deflate or identity: ` +
        `current value is ${JSON.stringify(encoding.slice(0, 40))}`,
    );
  }
  try {
    return await unpack(raw, { encoding, bytes_max });
  } catch (error) {
    if (error instanceof UnpackedTooLargeError) {
      throw tooLarge(`more than ${bytes_max} bytes after decompression`, bytes_max);
    }
    throw new BodyUnreadableError(`Cannot decompress the body (${encoding}): ${messageOf(error)}`);
  }
}

function tooLarge(what: string, bytes_max: number): BodyTooLargeError {
  return new BodyTooLargeError(
    `Cannot take the body: it has ${what}, at most ${bytes_max} are allowed; send smaller batches`,
  );
}

function unreadable(error: unknown): BodyUnreadableError {
  return new BodyUnreadableError(`Cannot read the body: ${messageOf(error)}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
