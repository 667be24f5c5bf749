/**
 * `deno task bench faults [--outage=300] [--rate=10000] [row …]`: what becomes of reports when things
 * break. Real processes on real disks; senders that send again until they are told that a report is
 * stored. In each row there are some seconds of peace, the fault, and peace again until nothing waits any
 * more; then everything that was acknowledged is read back.
 *
 *   lost           acknowledged, and not there
 *   doubled        there more often than sent
 *   made up        there with another value or time than was ever sent
 *   normal after   seconds from the end of the fault until every report is taken within a second
 *
 * docs/faults.md says what is promised in each case.
 */
import { parseArgs } from "node:util";
import { type Clock, systemClock } from "../../clock.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { silentLogger } from "../../log.ts";
import { startMonitor } from "../e2e/run_monitor.ts";
import { Rng } from "../fuzz/rng.ts";
import { Journal } from "../soak/journal.ts";
import { postgresPid } from "../soak/look.ts";
import { readBack } from "../soak/read_back.ts";
import { METRICS, Senders } from "../soak/senders.ts";
import { lossyProxy } from "../support/lossy_proxy.ts";
import { CAN_MOUNT, fillDisk, smallDisk } from "../support/small_disk.ts";
import { tempDir } from "../support/temp_dir.ts";
import { killTree } from "./process_tree.ts";

const PEACE_MS_DEFAULT = 3_000;
const FAULT_MS_DEFAULT = 5_000;
const LOOK_MS = 50;
/** A report that waits no longer than this was taken when it was due. */
const NORMAL_MS = 1_000;
const DISK_BYTES = 500 * 1024 * 1024;
const DISK_RESERVE_BYTES = 64 * 1024 * 1024;
const HOUR_MS = 3_600_000;

export interface FaultOptions {
  /** Before the fault and after it. */
  peace_ms: number;
  /** How long a fault lasts that goes on until somebody ends it. */
  fault_ms: number;
  /** How long an outage lasts. */
  outage_ms: number;
  /** Samples a second. */
  rate: number;
}

interface Scene {
  /** Where to send now. */
  url(): string;
  /** Lets it happen, and resolves when it is over; what is broken is whole again. */
  fault(): Promise<string | void>;
}

type Row = (stack: AsyncDisposableStack, options: FaultOptions) => Promise<Scene>;

const wait = (ms: number) => systemClock.sleep(ms);

async function newDir(stack: AsyncDisposableStack): Promise<string> {
  return stack.use(await tempDir()).join("data");
}

/** A server with its own PostgreSQL, which can be started again. */
async function ownServer(stack: AsyncDisposableStack, env: Record<string, string> = {}) {
  const data_dir = await newDir(stack);
  const start = () => startMonitor(["serve", "--port", "0", "--data", data_dir], { env });
  const state = { data_dir, monitor: await start(), start };
  stack.defer(() => state.monitor[Symbol.asyncDispose]());
  return state;
}

/** A PostgreSQL of its own, as one that somebody else runs. */
async function outsidePostgres(stack: AsyncDisposableStack) {
  const data_dir = await newDir(stack);
  const start = () => startEmbedded({ data_dir, log: silentLogger, clock: systemClock });
  const state = { postgres: await start(), start };
  stack.defer(() => state.postgres.stop());
  return state;
}

/** What can break, by its name. */
export const ROWS: Readonly<Record<string, Row>> = {
  async "server kill -9"(stack) {
    const own = await ownServer(stack);
    return {
      url: () => own.monitor.url,
      async fault() {
        own.monitor.kill("SIGKILL");
        await own.monitor.ended;
        own.monitor = await own.start();
      },
    };
  },
  async "PostgreSQL kill -9"(stack) {
    const own = await ownServer(stack);
    return {
      url: () => own.monitor.url,
      async fault() {
        killTree(postgresPid(own.data_dir));
        await own.monitor.line(/PostgreSQL is back/);
      },
    };
  },
  async "PostgreSQL stopped"(stack, { outage_ms }) {
    const outside = await outsidePostgres(stack);
    const args = ["serve", "--port", "0", "--database-url", outside.postgres.url];
    const monitor = stack.use(await startMonitor(args));
    return {
      url: () => monitor.url,
      async fault() {
        await outside.postgres.stop();
        await wait(outage_ms);
        outside.postgres = await outside.start();
        return `${outage_ms / 1000} s`;
      },
    };
  },
  async "disk full and freed"(stack, { fault_ms }) {
    const dir = stack.use(await tempDir());
    const disk = await smallDisk(dir.path, DISK_BYTES);
    if (disk === undefined) throw new Error("Cannot mount a small disk: only root may");
    stack.use(disk);
    const env = { MONITOR_INGEST_DISK_RESERVE_BYTES: String(DISK_RESERVE_BYTES) };
    const args = ["serve", "--port", "0", "--data", dir.join("data")];
    const monitor = stack.use(await startMonitor(args, { env }));
    return {
      url: () => monitor.url,
      async fault() {
        await fillDisk(dir.join("filler"));
        await wait(fault_ms);
        await Deno.remove(dir.join("filler"));
      },
    };
  },
  async "connections cut"(stack, { fault_ms }) {
    const own = await ownServer(stack);
    const rng = new Rng(4711);
    const proxy = stack.use(lossyProxy(own.monitor.url, () => rng.u32() / 2 ** 32));
    return {
      url: () => proxy.url,
      async fault() {
        proxy.isLossy = true;
        await wait(fault_ms);
        proxy.isLossy = false;
        return `${proxy.cuts} cut`;
      },
    };
  },
  async "one of two servers kill -9"(stack) {
    const outside = await outsidePostgres(stack);
    const args = ["serve", "--port", "0", "--database-url", outside.postgres.url];
    const first = stack.use(await startMonitor(args));
    const second = stack.use(await startMonitor(args));
    let isDead = false;
    let turn = 0;
    return {
      // senders know both; whoever was told nothing goes to the other one
      url: () => !isDead && turn++ % 2 === 0 ? first.url : second.url,
      async fault() {
        first.kill("SIGKILL");
        await first.ended;
        isDead = true;
      },
    };
  },
  async "clock back 1 h, forward 1 day"(stack, { fault_ms }) {
    const { testApp } = await import("../support/test_app.ts");
    let shift_ms = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + shift_ms };
    const app = stack.use(await testApp({ clock }));
    return {
      url: () => app.url,
      async fault() {
        // reports of what is now the future are refused; of the day before they are taken
        for (const jump_ms of [-HOUR_MS, 24 * HOUR_MS]) {
          shift_ms = jump_ms;
          await wait(fault_ms);
        }
        shift_ms = 0;
        return "in this process";
      },
    };
  },
};

export interface Outcome {
  acknowledged: number;
  stored: number;
  lost: number;
  doubled: number;
  made_up: number;
  refused_or_failed: number;
  /** From the beginning of the fault. */
  normal_in_all_s: number;
  normal_after_s: number;
  note?: string;
}

/** Runs one of them. */
export async function runRow(row: Row, options: FaultOptions): Promise<Outcome> {
  await using stack = new AsyncDisposableStack();
  const scene = await row(stack, options);
  const journal = new Journal();
  const stop = new AbortController();
  const senders = new Senders({
    url: () => scene.url(),
    hosts: Math.max(1, Math.round(options.rate / METRICS)),
    journal,
    signal: stop.signal,
    patience_ms: options.outage_ms + 120_000,
    isWrong: () => false,
  });
  const running = senders.run();
  await wait(options.peace_ms);
  const begun_ms = systemClock.monotonic();
  const note = await scene.fault() ?? undefined;
  const over_ms = systemClock.monotonic();
  while (senders.behind_ms > NORMAL_MS) await wait(LOOK_MS);
  const normal_ms = systemClock.monotonic();
  await wait(options.peace_ms);
  stop.abort();
  await running;
  const acknowledged = senders.acknowledged.reduce((sum, count) => sum + count, 0);
  const read = await readBack(scene.url(), senders);
  for (const fault of read.faults) say(fault);
  return {
    acknowledged,
    stored: read.stored,
    lost: read.missing,
    doubled: read.doubled,
    made_up: read.made_up,
    refused_or_failed: journal.fault_count,
    normal_in_all_s: seconds(normal_ms - begun_ms),
    normal_after_s: seconds(normal_ms - over_ms),
    note,
  };
}

const seconds = (ms: number) => Number((ms / 1000).toFixed(1));

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

export async function run(args: string[]): Promise<Record<string, unknown>> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      outage: { type: "string", default: "20" },
      rate: { type: "string", default: "10000" },
    },
  });
  const options = {
    peace_ms: PEACE_MS_DEFAULT,
    fault_ms: FAULT_MS_DEFAULT,
    outage_ms: Number(values.outage) * 1000,
    rate: Number(values.rate),
  };
  const names = Object.keys(ROWS).filter((name) =>
    positionals.length === 0 || positionals.some((part) => name.includes(part))
  ).filter((name) => CAN_MOUNT || !name.startsWith("disk"));
  const outcomes: Record<string, Outcome> = {};
  for (const name of names) {
    const row = ROWS[name];
    if (row === undefined) continue;
    const outcome = await runRow(row, options);
    outcomes[name] = outcome;
    const { acknowledged, lost, doubled, made_up, normal_after_s, note = "" } = outcome;
    say(
      `${name.padEnd(30)} acknowledged ${acknowledged}, lost ${lost}, doubled ${doubled}, ` +
        `made up ${made_up}, normal after ${normal_after_s} s  ${note}`,
    );
  }
  const all = Object.values(outcomes);
  return {
    rate: options.rate,
    lost: all.reduce((sum, { lost }) => sum + lost, 0),
    doubled: all.reduce((sum, { doubled }) => sum + doubled, 0),
    made_up: all.reduce((sum, { made_up }) => sum + made_up, 0),
    rows: outcomes,
  };
}
