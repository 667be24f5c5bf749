/**
 * A lid on the memory that a process can ask for. The agent looks at what a process occupies four times a
 * second; in between, a script can fill some gigabytes. So the kernel refuses what goes far beyond the
 * agent's limit: then the process ends by itself, out of memory.
 *
 * Each Worker asks for half a gigabyte of addresses that it hardly uses, and how many there will be is
 * not known. So the lid is taken off while one is started, and put on again above what is there then.
 */

const RLIMIT_DATA = 2;
const NO_LIMIT = 2n ** 64n - 1n;

export interface MemoryLid {
  /** A Worker is being started. */
  lift(): void;
  /** All Workers have started. */
  close(): void;
}

/** `bytes`: how much more than now may be asked for; undefined: there is no lid, as elsewhere than on Linux. */
export function memoryLid(bytes: number | undefined): MemoryLid {
  if (bytes === undefined || Deno.build.os !== "linux") return { lift() {}, close() {} };
  const { symbols } = Deno.dlopen("libc.so.6", {
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  });
  // the second number is how far it may be lifted
  const set = (limit: bigint) =>
    symbols.setrlimit(RLIMIT_DATA, new BigUint64Array([limit, NO_LIMIT]));
  return {
    lift: () => void set(NO_LIMIT),
    close() {
      const kib = dataKib();
      if (kib !== undefined) set(BigInt(kib) * 1024n + BigInt(bytes));
    },
  };
}

/** What it has asked for so far; undefined when that cannot be told. */
function dataKib(): string | undefined {
  try {
    return /^VmData:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
  } catch {
    // without a lid the agent's own look has to do
    return undefined;
  }
}
