/**
 * Gives back the pages of the program's own file that only the start has needed: compilers, parsers,
 * what reads settings. They are some 25 MB of what the process otherwise counts as resident for good,
 * since the kernel takes them away only when memory is short. What is needed again comes back from the
 * page cache, a fault of less than a microsecond for each 64 kB.
 *
 * Only pages that are as they are in the file can be given back: mappings that cannot be written, and
 * of which nothing was changed (relocations are written once, by the loader, and then locked).
 * Linux with glibc; elsewhere nothing happens.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";

/** When the collectors have run once, and the first report is sent. */
const AFTER_START_MS = 15_000;
/** What one rare event has brought in goes again. */
const EVERY_MS = 3_600_000;
/** MADV_DONTNEED: for a mapping of a file, forget what of it is mapped. */
const DONT_NEED = 4;

export interface PageRange {
  start: bigint;
  bytes: bigint;
}

/** Ranges of /proc/self/smaps that are exactly what is in a file. */
export function filePages(smaps: string): PageRange[] {
  const ranges: PageRange[] = [];
  let current: PageRange | undefined;
  for (const line of smaps.split("\n")) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)(?:\s+(\S.*))?$/.exec(line);
    if (head !== null) {
      const [, from = "", to = "", rights = "", inode, path = ""] = head;
      const of_file = inode !== "0" && path.startsWith("/") && /^r-[x-]p$/.test(rights);
      const start = BigInt(`0x${from}`);
      current = of_file ? { start, bytes: BigInt(`0x${to}`) - start } : undefined;
    } else if (current !== undefined && /^Anonymous: +0 kB$/.test(line)) {
      ranges.push(current);
      current = undefined;
    }
  }
  return ranges;
}

/** Gives them back now. Throws where that is not possible. */
export function releaseFilePages(): void {
  using libc = Object.assign(
    Deno.dlopen("libc.so.6", {
      malloc_trim: { parameters: ["usize"], result: "i32" },
      madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
    }),
    { [Symbol.dispose]: () => libc.close() },
  );
  for (const { start, bytes } of filePages(Deno.readTextFileSync("/proc/self/smaps"))) {
    libc.symbols.madvise(Deno.UnsafePointer.create(start), bytes, DONT_NEED);
  }
  // what the start has freed, and the C library keeps for the next who asks
  libc.symbols.malloc_trim(0n);
}

/** Does so soon after a start, and now and then. Ends with `signal`; never rejects. */
export async function keepSmall(
  options: { clock: Clock; log: Logger; signal: AbortSignal },
): Promise<void> {
  const { clock, log, signal } = options;
  if (Deno.build.os !== "linux") return;
  await clock.sleep(AFTER_START_MS, signal);
  while (!signal.aborted) {
    try {
      releaseFilePages();
    } catch (error) {
      // another C library: everything works, and is only larger
      log.debug("Pages of the start are kept", { reason: String(error) });
      return;
    }
    await clock.sleep(EVERY_MS, signal);
  }
}
