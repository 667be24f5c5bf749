/**
 * Notices that something in a few folders has changed. The system tells it, except where it cannot:
 * on network filesystems, behind symbolic links, and when it has no watches left. So the folders are
 * also looked at now and then; often where that is all there is.
 *
 * What is told comes in bursts (an editor writes, renames, removes), so that a change counts when it
 * has been quiet for a moment.
 */
import { statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";

/** A folder, and what of it matters. */
export interface Watched {
  folder: string;
  /** These names in it; undefined is every script in it and below. */
  names?: readonly string[];
}

/** Long enough for an editor to finish, short enough that nobody waits for it. */
const QUIET_MS = 150;
/** Something that never ends to change is looked at anyway. */
const SETTLE_MS_MAX = 1_000;
/** Where the system tells changes: for what it may have missed. */
const LOOK_MS_SELDOM = 30_000;
/** Where it does not: a change is followed within two seconds. */
const LOOK_MS_OFTEN = 1_500;
/** A folder of collectors has some dozen files; one with more is not looked at to the end. */
const FILES_MAX = 2_000;
const DEPTH_MAX = 4;

const SCRIPT = /\.(ts|js|mjs|py)$/;
/** Numbers of statfs(2) of filesystems that others change: NFS, SMB (three), FUSE, 9P, Ceph, AFS, vbox. */
const REMOTE_TYPES = new Set(
  [
    0x6969,
    0x517b,
    0xff534d42,
    0xfe534d42,
    0x65735546,
    0x01021997,
    0x00c36400,
    0x5346414f,
    0x786f4256,
  ],
);

type WatchState = "told" | "untold" | "absent";

export interface FileWatchOptions {
  clock: Clock;
  log: Logger;
  /** How the system is asked to tell changes. Default: Deno.watchFs. */
  watchFs?: typeof Deno.watchFs;
  /** Asked at each look: whether anything else has changed. */
  isOtherwiseChanged?: () => Promise<boolean>;
}

export class FileWatch implements Disposable {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #watchFs: typeof Deno.watchFs;
  readonly #isOtherwiseChanged: () => Promise<boolean>;
  #watched: readonly Watched[] = [];
  #watchers: Deno.FsWatcher[] = [];
  #look_ms = LOOK_MS_SELDOM;
  /** Of the last look, before anybody read what was changed; undefined before the first. */
  #seen: string | undefined;
  #dirty = false;
  #wake = new AbortController();
  #told = false;

  constructor(options: FileWatchOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#watchFs = options.watchFs ?? Deno.watchFs;
    this.#isOtherwiseChanged = options.isOtherwiseChanged ?? (() => Promise.resolve(false));
  }

  /** Watches these folders and no others. From now on no change is missed. */
  async watch(watched: readonly Watched[]): Promise<void> {
    // The new ones first, so that nothing happens unseen between them; and new ones also for the same
    // folders, which may have been removed and made again.
    const before = this.#watchers;
    const is_same = JSON.stringify(watched) === JSON.stringify(this.#watched);
    this.#watchers = [];
    this.#watched = watched;
    const first = watched.map((one) => ({ ...one, state: this.#open(one) }));
    // one that came while the folder it is in was not watched yet
    const opened = first.map((one) =>
      one.state === "absent" ? { ...one, state: this.#open(one) } : one
    );
    const deaf = opened.some(({ folder, state }) =>
      state === "untold" || state === "absent" && !isAwaited(folder, opened)
    );
    for (const watcher of before) close(watcher);
    const { text, linked } = await signature(watched);
    // What has changed since it was read is found by the next look, not taken for what was read.
    if (this.#seen === undefined) this.#seen = text;
    else if (!is_same) this.#seen = "";
    const often = deaf || linked || await anyRemote(watched);
    this.#look_ms = often ? LOOK_MS_OFTEN : LOOK_MS_SELDOM;
  }

  /** Resolves to true after a change, to false when `signal` is aborted. */
  async changed(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (!this.#dirty) {
        this.#wake = new AbortController();
        await this.#clock.sleep(this.#look_ms, AbortSignal.any([signal, this.#wake.signal]));
      }
      if (signal.aborted) break;
      const is_told = this.#dirty;
      if (!is_told) {
        const { text } = await signature(this.#watched);
        if (text === this.#seen && !await this.#isOtherwiseChanged()) continue;
        this.#seen = text;
      }
      const begun_ms = this.#clock.monotonic();
      do {
        this.#dirty = false;
        await this.#clock.sleep(QUIET_MS, signal);
      } while (this.#dirty && this.#clock.monotonic() - begun_ms < SETTLE_MS_MAX);
      this.#dirty = false;
      if (is_told) this.#seen = (await signature(this.#watched)).text;
      return !signal.aborted;
    }
    return false;
  }

  /** As if something had changed. */
  touch(): void {
    this.#dirty = true;
    this.#wake.abort();
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) close(watcher);
    this.#watchers = [];
  }

  /** Whether the system tells changes of this folder, or there is none. */
  #open({ folder, names }: Watched): WatchState {
    try {
      const watcher = this.#watchFs(folder, { recursive: names === undefined });
      this.#watchers.push(watcher);
      void this.#listen(watcher, { folder, names });
      return "told";
    } catch (error) {
      // A folder that is not there is looked for; nothing is wrong with that.
      if (error instanceof Deno.errors.NotFound) return "absent";
      this.#tell(folder, error);
      return "untold";
    }
  }

  async #listen(watcher: Deno.FsWatcher, { folder, names }: Watched): Promise<void> {
    try {
      for await (const { kind, paths } of watcher) {
        if (kind === "access") continue;
        const matters = kind === "other" || paths.some((path) => {
          const name = basename(path);
          // A name without an ending may be a folder that came or went.
          return names === undefined
            ? SCRIPT.test(name) || !name.includes(".")
            : names.includes(name);
        });
        if (matters) this.touch();
      }
    } catch (error) {
      // A folder has come, and there is no watch left for it. One that was replaced is nobody's loss.
      if (!this.#watchers.includes(watcher)) return;
      this.#tell(folder, error);
      this.#look_ms = LOOK_MS_OFTEN;
      this.touch();
    }
  }

  /** Once: it is the same for all of them. */
  #tell(folder: string, error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.info("Folder is not watched, but looked at", { folder, reason });
  }
}

/** Whether the system tells when a folder that is not there comes: the one it will be in is watched. */
function isAwaited(
  folder: string,
  opened: readonly (Watched & { state: WatchState })[],
): boolean {
  return opened.some((other) =>
    other.state === "told" && other.folder === dirname(folder) &&
    (other.names ?? [basename(folder)]).includes(basename(folder))
  );
}

function close(watcher: Deno.FsWatcher): void {
  try {
    watcher.close();
  } catch {
    // It has ended by itself, with its folder.
  }
}

async function anyRemote(watched: readonly Watched[]): Promise<boolean> {
  const types = await Promise.all(
    watched.map(({ folder }) => statfs(folder).then(({ type }) => type, () => undefined)),
  );
  return types.some((type) => type !== undefined && REMOTE_TYPES.has(type));
}

/** A text that is another one when something has changed, and whether links lead out of the folders. */
async function signature(watched: readonly Watched[]): Promise<{ text: string; linked: boolean }> {
  const lines: string[] = [];
  let linked = false;
  const note = async (path: string) => {
    if (lines.length >= FILES_MAX) return;
    const info = await Deno.stat(path).catch(() => undefined);
    lines.push(`${path} ${info?.mtime?.getTime()} ${info?.size} ${info?.ino} ${info?.mode}`);
  };
  const visit = async (folder: string, depth: number) => {
    const entries = await namesIn(folder);
    for (const { name, isDirectory, isSymlink } of entries) {
      if (isDirectory && depth < DEPTH_MAX) await visit(join(folder, name), depth + 1);
      if (!SCRIPT.test(name)) continue;
      linked ||= isSymlink;
      await note(join(folder, name));
    }
  };
  for (const { folder, names } of watched) {
    if (names === undefined) await visit(folder, 0);
    else for (const name of names) await note(join(folder, name));
  }
  return { text: lines.join("\n"), linked };
}

async function namesIn(folder: string): Promise<Deno.DirEntry[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.slice(0, FILES_MAX).sort((a, b) => a.name < b.name ? -1 : 1);
  } catch {
    return [];
  }
}
