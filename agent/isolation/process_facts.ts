/** What the kernel tells of a process: memory and processor time. Linux only; undefined elsewhere. */

/** Bytes of memory that it occupies; undefined when it is gone, or cannot be told. */
export function residentBytes(pid: number): number | undefined {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(procText(pid, "status"))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** Processor time it has used, all threads, in ms; undefined when it is gone, or cannot be told. */
export function cpuMs(pid: number): number | undefined {
  const text = procText(pid, "stat");
  // the name in brackets may hold anything, brackets too; utime and stime are the 14th and 15th
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  // hundredths of a second on every Linux
  return text === "" || Number.isNaN(user + system) ? undefined : (user + system) * 10;
}

function procText(pid: number, name: string): string {
  if (Deno.build.os !== "linux") return "";
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${name}`);
  } catch {
    // it has ended
    return "";
  }
}
