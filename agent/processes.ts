/**
 * The processes of a Linux machine, from one file of each. Only /proc/<pid>/stat is read: what it
 * holds is what `ps` shows everybody, while arguments and environment, in the files beside it, may
 * hold secrets.
 */
import type { Process } from "./monitor.d.ts";
import { pageBytes } from "./page_size.ts";

/** Ticks a second, as the kernel tells programs: they have never differed. */
const TICKS_PER_S = 100;
/** A machine with more has other worries; and a message with more is slow. */
const PROCESSES_MAX = 20_000;
const STAT_BYTES_MAX = 1024;

/** Text of /proc/<pid>/stat. The name stands in parentheses and may itself hold some. */
export function parseProcessStat(text: string, page_bytes: number): Process | undefined {
  const [begin, end] = [text.indexOf("("), text.lastIndexOf(")")];
  if (begin < 0 || end < begin) return undefined;
  const fields = text.slice(end + 2).split(" ");
  const of = (index: number) => Number(fields[index] ?? 0);
  return {
    pid: Number(text.slice(0, begin)),
    name: text.slice(begin + 1, end),
    state: fields[0] ?? "",
    // field numbers of proc(5) less 3: state is the third
    threads: of(17),
    cpu_seconds: (of(11) + of(12)) / TICKS_PER_S,
    memory_bytes: of(21) * page_bytes,
    started_ticks: of(19),
  };
}

/** All processes there are now; those that end meanwhile are left out. */
export function readProcesses(folder = "/proc"): Process[] {
  const page_bytes = pageBytes();
  const processes: Process[] = [];
  const buffer = new Uint8Array(STAT_BYTES_MAX);
  const decoder = new TextDecoder();
  for (const { name } of Deno.readDirSync(folder)) {
    if (!/^\d+$/.test(name) || processes.length >= PROCESSES_MAX) continue;
    try {
      using file = Deno.openSync(`${folder}/${name}/stat`);
      const length = file.readSync(buffer) ?? 0;
      const process = parseProcessStat(decoder.decode(buffer.subarray(0, length)), page_bytes);
      if (process !== undefined) processes.push(process);
    } catch {
      // it has ended since the folder was read
    }
  }
  return processes;
}
