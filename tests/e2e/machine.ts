/** This Linux machine's numbers, read the way its owner would: from /proc, and with df. */

export interface MachineReading {
  uptime_s: number;
  load: number[];
  cores: number;
  /** Bytes, by the names of /proc/meminfo. */
  memory: Map<string, number>;
  /** Received bytes and packets, sent bytes and packets, by interface. */
  network: Map<string, number[]>;
  /** Finished reads and writes, by disk. */
  disk_io: Map<string, number[]>;
}

const read = (path: string) => Deno.readTextFileSync(path);

/** Rows of a table of /proc, as [name, …numbers]. */
function table(text: string, name_at: number): [string, number[]][] {
  return text.split("\n").map((line) => line.replace(":", " ").trim().split(/\s+/))
    .filter((fields) => fields.length > name_at + 4)
    .map((fields) => [fields[name_at] ?? "", fields.slice(name_at + 1).map(Number)]);
}

const pick = (rows: [string, number[]][], columns: number[]) =>
  new Map(rows.map(([name, numbers]) => [name, columns.map((column) => numbers[column] ?? NaN)]));

export function readMachine(): MachineReading {
  const memory = [...read("/proc/meminfo").matchAll(/^(\w+): +(\d+) kB$/gm)];
  return {
    uptime_s: Number(read("/proc/uptime").split(" ")[0]),
    load: read("/proc/loadavg").split(" ").slice(0, 3).map(Number),
    cores: [...read("/proc/stat").matchAll(/^cpu\d/gm)].length,
    memory: new Map(memory.map(([, name = "", kib]) => [name, Number(kib) * 1024])),
    network: pick(table(read("/proc/net/dev"), 0), [0, 1, 8, 9]),
    disk_io: pick(table(read("/proc/diskstats"), 2), [0, 4]),
  };
}

export interface DiskFree {
  total: number;
  used: number;
  available: number;
  /** Whole percent, rounded up. */
  used_percent: number;
}

/** What `df` says of the filesystem that is mounted there. */
export async function diskFree(mount: string): Promise<DiskFree> {
  const { stdout } = await new Deno.Command("df", { args: ["-P", "-B1", mount] }).output();
  const [, row = ""] = new TextDecoder().decode(stdout).split("\n");
  const [total = NaN, used = NaN, available = NaN, used_percent = NaN] = row.split(/\s+/).slice(1)
    .map((field) => Number(field.replace("%", "")));
  return { total, used, available, used_percent };
}
