/**
 * How large a page of memory is, in which the kernel counts: 4 KiB on most machines, 16 or 64 KiB on some
 * with ARM processors. The kernel tells every program when it starts it.
 */

/** Number of the entry in the auxiliary vector (getauxval(3)). */
const AT_PAGESZ = 6n;
const ENTRY_BYTES = 16;
const USUAL_BYTES = 4096;

/** From /proc/self/auxv of a 64-bit program: pairs of type and value. */
export function pageBytesOf(auxv: Uint8Array): number | undefined {
  const view = new DataView(auxv.buffer, auxv.byteOffset, auxv.byteLength);
  for (let at = 0; at + ENTRY_BYTES <= auxv.length; at += ENTRY_BYTES) {
    if (view.getBigUint64(at, true) === AT_PAGESZ) return Number(view.getBigUint64(at + 8, true));
  }
  return undefined;
}

let known: number | undefined;

/** Bytes of a page on this machine. */
export function pageBytes(): number {
  known ??= readPageBytes() ?? USUAL_BYTES;
  return known;
}

function readPageBytes(): number | undefined {
  try {
    return pageBytesOf(Deno.readFileSync("/proc/self/auxv"));
  } catch {
    // a /proc that shows less, or none
    return undefined;
  }
}
