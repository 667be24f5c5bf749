/** What a process and all it has started use, as Linux counts it. */

/** Ticks a second, as the kernel tells programs. */
const TICKS_PER_S = 100;

export interface TreeUse {
  processes: number;
  /** Threads of all of them. */
  threads: number;
  /** Proportional set size: shared pages are divided among those that share them. */
  pss_kb: number;
  /** Resident set size; shared pages count for each. */
  rss_kb: number;
  /** Memory of their own. */
  private_kb: number;
  /** Processor time since each was started, that of its ended children included. */
  cpu_s: number;
}

interface Stat {
  pid: number;
  parent: number;
  threads: number;
  cpu_s: number;
}

function statOf(pid: string): Stat | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
    const cpu = fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0);
    const [parent = 0, threads = 0] = [fields[1], fields[17]];
    return { pid: Number(pid), parent, threads, cpu_s: cpu / TICKS_PER_S };
  } catch {
    // it has ended
    return undefined;
  }
}

/** The process and its descendants. */
export function treeOf(root: number): Stat[] {
  const all = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name))
    .map(({ name }) => statOf(name)).filter((stat) => stat !== undefined);
  const tree = all.filter(({ pid }) => pid === root);
  for (const member of tree) tree.push(...all.filter(({ parent }) => parent === member.pid));
  return tree;
}

/** Lines of smaps_rollup in kB, by name. */
function rollup(pid: number): Map<string, number> {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
    const lines = text.matchAll(/^(\w+): +(\d+) kB$/gm);
    return new Map([...lines].map(([, name = "", kb]) => [name, Number(kb)]));
  } catch {
    // it has ended
    return new Map();
  }
}

/** What the tree of `root` uses now. */
export function treeUse(root: number): TreeUse {
  const use = { processes: 0, threads: 0, pss_kb: 0, rss_kb: 0, private_kb: 0, cpu_s: 0 };
  for (const { pid, threads, cpu_s } of treeOf(root)) {
    const memory = rollup(pid);
    const of = (name: string) => memory.get(name) ?? 0;
    use.processes += 1;
    use.threads += threads;
    use.cpu_s += cpu_s;
    use.pss_kb += of("Pss");
    use.rss_kb += of("Rss");
    use.private_kb += of("Private_Clean") + of("Private_Dirty");
  }
  return use;
}

/** kill -9 of a postmaster alone would let its children finish what they are doing. */
export function killTree(root: number): void {
  for (const { pid } of treeOf(root)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // it has ended
    }
  }
}
