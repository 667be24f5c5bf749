/**
 * Refuses new reports while the disk of the data directory is nearly full.
 *
 * A PostgreSQL that cannot write its log stops altogether, and then nothing can be read either. So a
 * part of the disk is kept free for it: when less is left, senders are told to come again, what they
 * have stays with them, and everything that is stored can still be read. Aggregation goes on, which
 * makes ten bytes of hot rows less than one, and retention drops what is due: often that is room
 * enough to go on by itself.
 *
 * It begins again only when a quarter more than the reserve is free, so that it does not go to and fro
 * with every report.
 */
import { statfs } from "node:fs/promises";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { QueueFullError } from "./queue.ts";

/** New reports are refused because the disk is nearly full. */
export class DiskFullError extends QueueFullError {
  override readonly retry_after_s = 10;
}

export interface DiskSpace {
  free_bytes: number;
  size_bytes: number;
}

/** At full speed a server writes some 150 MB a second; the reserve has to outlast two looks. */
const LOOK_MS = 1_000;
const RESERVE_SHARE = 0.05;
const RESERVE_BYTES_MIN = 64 * 1024 * 1024;
const RESERVE_BYTES_MAX = 1024 * 1024 * 1024;
const RESUME_FACTOR = 1.25;

/** What is kept free of a disk when nothing else is said: 5 %, from 64 MiB to 1 GiB. */
export function reserveBytes(size_bytes: number): number {
  const share = Math.round(size_bytes * RESERVE_SHARE);
  return Math.min(Math.max(share, RESERVE_BYTES_MIN), RESERVE_BYTES_MAX);
}

/** Whether to refuse, when that much is free and it was refused (or not) before. */
export function isNearlyFull(
  free_bytes: number,
  options: { reserve_bytes: number; refused: boolean },
): boolean {
  const { reserve_bytes, refused } = options;
  return free_bytes < reserve_bytes * (refused ? RESUME_FACTOR : 1);
}

export interface DiskGuardOptions {
  data_dir: string;
  /** Kept free. Default: `reserveBytes` of the disk. */
  reserve_bytes?: number;
  clock: Clock;
  log: Logger;
  /** How much there is; replaced by tests. */
  look?: (dir: string) => Promise<DiskSpace>;
}

async function lookAtDisk(dir: string): Promise<DiskSpace> {
  const { bavail, bsize, blocks } = await statfs(dir);
  return { free_bytes: bavail * bsize, size_bytes: blocks * bsize };
}

export class DiskGuard {
  readonly #options: DiskGuardOptions;
  #refusal: string | undefined;
  #unseen = false;
  #free_bytes: number | undefined;

  constructor(options: DiskGuardOptions) {
    this.#options = options;
  }

  /** Are new reports refused? */
  get isRefusing(): boolean {
    return this.#refusal !== undefined;
  }

  /** At the last look; undefined when that is not known. */
  get free_bytes(): number | undefined {
    return this.#free_bytes;
  }

  /** @throws DiskFullError while the disk is nearly full */
  readonly requireRoom = (): void => {
    if (this.#refusal !== undefined) throw new DiskFullError(this.#refusal);
  };

  /** Looks, and again every second until `signal`. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#lookOnce();
      await this.#options.clock.sleep(LOOK_MS, signal);
    }
  }

  async #lookOnce(): Promise<void> {
    const { data_dir, log, look = lookAtDisk } = this.#options;
    let space: DiskSpace;
    try {
      space = await look(data_dir);
      this.#unseen = false;
    } catch (error) {
      // not known is not full: PostgreSQL will say so
      if (!this.#unseen) log.warn("free space of the disk is not known", { data_dir, error });
      this.#unseen = true;
      this.#free_bytes = undefined;
      return;
    }
    this.#free_bytes = space.free_bytes;
    const reserve_bytes = this.#options.reserve_bytes ?? reserveBytes(space.size_bytes);
    const refused = this.#refusal !== undefined;
    const full = isNearlyFull(space.free_bytes, { reserve_bytes, refused });
    if (full === refused) return;
    const about = { data_dir, free_bytes: space.free_bytes, reserve_bytes };
    if (full) {
      this.#refusal = `Cannot take reports: the server's disk is nearly full, ` +
        `${space.free_bytes} bytes are free and ${reserve_bytes} are kept (ingest.disk_reserve_bytes)`;
      log.error("the disk is nearly full: new reports are refused, history can be read", about);
    } else {
      this.#refusal = undefined;
      log.info("the disk has room again: reports are taken", about);
    }
  }
}
