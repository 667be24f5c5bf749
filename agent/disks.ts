/**
 * The local, real filesystems of this machine and how full they are, as `df` sees them: the mount
 * table says which, statfs says how full. No program is started.
 *
 * Left out: filesystems in memory or made up by the kernel, images that are always full (squashfs of
 * snaps, CD-ROMs), and everything across a network, where one dead server would stall the answer.
 * A device that is mounted in several places is told once, at its shortest path.
 */
import { statfs } from "node:fs/promises";
import type { Clock } from "../clock.ts";
import type { Disk } from "./monitor.d.ts";

/** `overlay` is what "/" is in a container; as a mount elsewhere it repeats its lower filesystem. */
const REAL_TYPES = new Set(
  ("ext2 ext3 ext4 xfs btrfs zfs f2fs jfs reiserfs nilfs2 bcachefs vfat exfat msdos ntfs ntfs3 " +
    "fuseblk hfs hfsplus apfs ufs ubifs jffs2").split(" "),
);

export interface Mount {
  device: string;
  mount: string;
  type: string;
}

/** Text of /proc/mounts: `device mount type options 0 0`, with octal escapes for odd characters. */
export function parseMounts(text: string): Mount[] {
  const plain = (field: string) =>
    field.replaceAll(
      /\\([0-7]{3})/g,
      (_, digits: string) => String.fromCharCode(parseInt(digits, 8)),
    );
  return text.split("\n").flatMap((line) => {
    const [device, mount, type] = line.split(" ");
    return device && mount && type ? [{ device: plain(device), mount: plain(mount), type }] : [];
  });
}

/** The mounts worth telling, sorted by path. What is mounted later at the same path hides the earlier. */
export function realMounts(mounts: readonly Mount[]): Mount[] {
  const visible = new Map(mounts.map((mount) => [mount.mount, mount]));
  const by_device = new Map<string, Mount>();
  for (const mount of visible.values()) {
    const isRoot = mount.mount === "/";
    if (!REAL_TYPES.has(mount.type) && !(isRoot && mount.type !== "rootfs")) continue;
    const known = by_device.get(mount.device);
    if (known === undefined || mount.mount.length < known.mount.length) {
      by_device.set(mount.device, mount);
    }
  }
  return [...by_device.values()].sort((a, b) => a.mount < b.mount ? -1 : 1);
}

/** The mount table of systems that have no /proc: what is usually there, if it is there. */
async function usualMounts(platform: string): Promise<Mount[]> {
  if (platform === "windows") {
    return [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].map((letter) => ({
      device: `${letter}:`,
      mount: `${letter}:\\`,
      type: "",
    }));
  }
  const mounts = [{ device: "/", mount: "/", type: "" }];
  if (platform !== "darwin") return mounts;
  for await (const { name, isDirectory } of Deno.readDir("/Volumes")) {
    // The system volume is listed there as a link to "/".
    if (isDirectory) mounts.push({ device: name, mount: `/Volumes/${name}`, type: "" });
  }
  return mounts;
}

async function usage(mount: Mount): Promise<Disk | undefined> {
  try {
    // In containers single files are mounts of the machine's disk: they say nothing about it.
    if (!(await Deno.stat(mount.mount)).isDirectory) return undefined;
    const found = await statfs(mount.mount);
    const { blocks, bfree, bavail, files, ffree } = found;
    if (blocks === 0) return undefined;
    // Blocks are counted in fragments; older versions do not tell their size, which is nearly always
    // that of a block.
    const block_bytes = "frsize" in found ? Number(found.frsize) || found.bsize : found.bsize;
    return {
      ...mount,
      total_bytes: blocks * block_bytes,
      free_bytes: bfree * block_bytes,
      available_bytes: bavail * block_bytes,
      inodes_total: files,
      inodes_free: ffree,
    };
  } catch {
    // Unmounted a moment ago, or not ours to look at: as if it were not there.
    return undefined;
  }
}

async function mountsOf(platform: string): Promise<Mount[]> {
  return platform === "linux"
    ? realMounts(parseMounts(await Deno.readTextFile("/proc/mounts")))
    : await usualMounts(platform);
}

/** How long one filesystem may take; the others are told without it. */
const ANSWER_MS_MAX = 2_000;

/**
 * Looks at the disks again and again. A dying one answers late or never: it is left out meanwhile, and
 * asked again only when its answer has come, so that it takes no more than one thread.
 */
export class DiskReader {
  readonly #clock: Clock;
  readonly #usageOf: (mount: Mount) => Promise<Disk | undefined>;
  readonly #asked = new Set<string>();

  constructor(options: { clock: Clock; usageOf?: (mount: Mount) => Promise<Disk | undefined> }) {
    this.#clock = options.clock;
    this.#usageOf = options.usageOf ?? usage;
  }

  /** The disks of this machine, sorted by mount point. */
  async read(platform: string = Deno.build.os): Promise<Disk[]> {
    return await this.usages(await mountsOf(platform));
  }

  /** The disks at these mounts, as far as they answer. */
  async usages(mounts: readonly Mount[]): Promise<Disk[]> {
    const answered = new AbortController();
    const late = this.#clock.sleep(ANSWER_MS_MAX, answered.signal).then(() => undefined);
    try {
      const disks = await Promise.all(
        mounts.map((mount) => Promise.race([this.#ask(mount), late])),
      );
      return disks.filter((disk) => disk !== undefined);
    } finally {
      answered.abort();
    }
  }

  async #ask(mount: Mount): Promise<Disk | undefined> {
    const key = JSON.stringify([mount.device, mount.mount]);
    // it owes an answer since an earlier time, and nobody waits for it twice
    if (this.#asked.has(key)) return undefined;
    this.#asked.add(key);
    try {
      return await this.#usageOf(mount);
    } finally {
      this.#asked.delete(key);
    }
  }
}
