/**
 * What a collector script sees. A collector is one TypeScript file whose name is its metric name:
 *
 *   import type { Collected, Host, Metric } from "./monitor.d.ts";
 *
 *   export const metric: Metric = { every: "30s", unit: "users", description: "Logged-in users" };
 *
 *   export async function collect(host: Host): Promise<Collected> {
 *     return Number(await host.read("/proc/loadavg").then((text) => text.split(" ")[0]));
 *   }
 *
 * A number returned by `users.ts` is the series `users`. A tree is put under that name: `{"root":
 * 93}` from `disk.ts` is the series `disk.root`; the empty key is the script's own name, so
 * `{"": 12, "user": 5}` from `cpu_usage.ts` is `cpu_usage` and `cpu_usage.user`.
 *
 * Only types of TypeScript that vanish are allowed (no `enum`, no `namespace`). A script may import
 * own files, those in its folder and below (`import { x } from "./lib/x.ts"`), and nothing else.
 */

/** Seconds as a number, or a text such as "500ms", "30s", "5m", "1h". */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h"}`;

/** How to show a series and what may be computed from it. */
export interface SeriesMetadata {
  /** "%", "B", "s", "B/s" … At most 32 characters. */
  unit?: string;
  /** A counter only grows (until it restarts at 0), a state is one of few values. Default: gauge. */
  kind?: "gauge" | "counter" | "state";
  /** One sentence, at most 500 characters. */
  description?: string;
}

/** `true` is everything of that sort, a list is exactly these. What is not named is not granted. */
export interface Permissions {
  read?: boolean | string[];
  write?: boolean | string[];
  net?: boolean | string[];
  env?: boolean | string[];
  sys?: boolean | string[];
  /** Trusted: a program that a script starts is not held by these permissions. */
  run?: boolean | string[];
  ffi?: boolean | string[];
}

/**
 * Something an operator may set for the collector, under `collectors.<its name>` of the agent's
 * settings. The value is checked by the agent and given as `host.options`.
 *
 *   boolean, number, text      as they are
 *   duration                   milliseconds
 *   texts                      a list of texts
 *   secret                     a text; `password` may also be written as `password_file`
 *   url                        a text; permits the network of its host and port
 *   address                    `{ hostname, port }`, or `{ path }` of a socket; permits that
 *   nameserver                 a list of `{ hostname, port }`; "system" is what the machine uses
 *   targets                    a list of objects of `fields`, each with a `name` of its own; a text
 *                              is taken as an object with only `shorthand`
 */
export interface Option {
  type:
    | "boolean"
    | "number"
    | "text"
    | "duration"
    | "texts"
    | "secret"
    | "url"
    | "address"
    | "nameserver"
    | "targets";
  /** One sentence, at most 500 characters. */
  description: string;
  /** The collector is off until this is written. */
  required?: boolean;
  /** As an operator would write it. */
  default?: boolean | number | string | string[];
  /** Of a number, or of a duration in milliseconds. */
  min?: number;
  max?: number;
  /** What a text may be. */
  choices?: string[];
  /** The port of an address without one. */
  default_port?: number;
  fields?: Record<string, Omit<Option, "fields" | "shorthand">>;
  shorthand?: string;
}

/** `export const metric: Metric`. All of it is optional, and so is the export itself. */
export interface Metric extends SeriesMetadata {
  /** How often. Default: the agent's interval. */
  every?: Duration;
  /** How long one `collect()` may take. Default: the agent's timeout. */
  timeout?: Duration;
  permissions?: Permissions;
  /** Where the script works: "linux", "darwin", "windows". Default: everywhere. */
  platforms?: string[];
  /** Paths of /proc, /sys or /run that the machine must have, else the script is not for it. */
  needs?: string[];
  /** What an operator may set, by name. */
  options?: Record<string, Option>;
  /**
   * Metadata of the script's sub-metrics, by their name below the script (`"root.used_percent"`) or
   * by its last part (`"used_percent"`). `unit` and `kind` above are the default for all of them.
   */
  metrics?: Record<string, SeriesMetadata>;
}

/** A value with a remark and perhaps a time of its own, in seconds since 1970. */
export interface CollectedLeaf {
  value: number | boolean | string | null;
  message?: string;
  timestamp?: number;
}
/** null means "no value this time". Numbers must be finite. */
export type Collected = number | boolean | null | CollectedLeaf | CollectedTree;
export interface CollectedTree {
  [name: string]: Collected;
}

/** Bytes. */
export interface Memory {
  total: number;
  free: number;
  available: number;
  buffers: number;
  cached: number;
  swap_total: number;
  swap_free: number;
  /** In which Linux counts; elsewhere absent. */
  page_bytes?: number;
}

/** One mounted, local, real filesystem. Bytes and inodes; `inodes_total` is 0 where there are none. */
export interface Disk {
  mount: string;
  device: string;
  type: string;
  total_bytes: number;
  free_bytes: number;
  /** What is left for ordinary users; less than `free_bytes` where blocks are reserved for root. */
  available_bytes: number;
  inodes_total: number;
  inodes_free: number;
}

/** Seconds of one processor since it started. */
export interface CpuTimes {
  user: number;
  nice: number;
  system: number;
  idle: number;
  irq: number;
}

/** An address of a network interface. */
export interface NetworkAddress {
  interface: string;
  family: "IPv4" | "IPv6";
  address: string;
  mac: string;
}

/** A process. Its arguments, environment and owner are not told: they may hold secrets. */
export interface Process {
  pid: number;
  /** At most 15 characters, as the kernel keeps it. */
  name: string;
  /** The kernel's letter: R running, S sleeping, D blocked, Z zombie, T stopped, I idle. */
  state: string;
  threads: number;
  /** Processor time since it started. */
  cpu_seconds: number;
  /** Resident. */
  memory_bytes: number;
  /** With `pid` it names one process for good. */
  started_ticks: number;
}

/** How many TCP connections there are in each state. */
export interface TcpStates {
  established: number;
  syn_sent: number;
  syn_recv: number;
  fin_wait1: number;
  fin_wait2: number;
  time_wait: number;
  close_wait: number;
  last_ack: number;
  listen: number;
  closing: number;
}

/** Units of systemd, by the states it has for them. */
export interface SystemdUnits {
  /** How many units have failed. */
  failed: number;
  /** Those that were asked for, in that order. */
  units: {
    name: string;
    /** "loaded", "not-found", "masked" … */
    load: string;
    /** "active", "inactive", "failed", "activating" … */
    active: string;
    /** "running", "exited", "dead" … */
    sub: string;
  }[];
}

/** The certificate a TLS server shows, whether or not it is to be trusted. */
export interface Certificate {
  /** Until it expires; negative when it has. */
  seconds_left: number;
  subject: string;
  issuer: string;
}

/**
 * What the agent lets every script ask about the machine, without any permission. All of it is read
 * by the agent itself; a call outside this list, or a file outside the allow list, rejects.
 */
export interface Host<Options = unknown> {
  readonly platform: "linux" | "darwin" | "windows" | "freebsd" | string;
  /** What the operator has set, as `metric.options` describes it. */
  readonly options: Options;
  /** Text of a file of /proc or /sys on the agent's allow list. Rejects where it does not exist. */
  read(path: string): Promise<string>;
  /** Names in a directory of /proc or /sys on the allow list, sorted. */
  list(path: string): Promise<string[]>;
  /** Waits. The time counts for the script's timeout; one that nobody awaits ends with the run. */
  sleep(ms: number): Promise<void>;
  memory(): Promise<Memory>;
  /** Averages over 1, 5 and 15 minutes; zeros on Windows, which has none. */
  loadavg(): Promise<[number, number, number]>;
  /** Seconds since the machine started. */
  uptime(): Promise<number>;
  /** Sorted by mount point; network and in-memory filesystems are left out. */
  disks(): Promise<Disk[]>;
  cpus(): Promise<CpuTimes[]>;
  networkAddresses(): Promise<NetworkAddress[]>;
  /** Linux only, as are the next two. */
  processes(): Promise<Process[]>;
  tcpStates(): Promise<TcpStates>;
  /** Rejects where systemd does not run the machine. */
  systemd(units: string[]): Promise<SystemdUnits>;
  /** Needs the permission `net` of that host and port. */
  certificate(address: { hostname: string; port: number }): Promise<Certificate>;
}
