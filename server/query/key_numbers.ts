/**
 * The few numbers that say how a machine is, out of everything it reports: how busy its processors,
 * its memory and its fullest disk are, and what its network carries. They are known by the names of
 * the shipped collectors; a host that reports none of them has none of these numbers.
 */

/** Where the numbers are in a shape: columns, from 0. */
export interface KeyColumns {
  cpu: number | undefined;
  memory: number | undefined;
  disks: readonly number[];
  received: readonly number[];
  sent: readonly number[];
}

/** Percents; undefined where the shape does not have them. */
export interface Gauges {
  cpu?: number;
  memory?: number;
  /** Of the fullest disk. */
  disk?: number;
}

/** What all interfaces have carried since the machine started, in bytes. */
export interface Traffic {
  received: number;
  sent: number;
}

const DISK = /^disk\..+\.used_percent$/;
const RECEIVED = /^network\..+\.rx_bytes_total$/;
const SENT = /^network\..+\.tx_bytes_total$/;
/** Another look at the same packets: containers' and virtual machines' ends of the real ones. */
const VIRTUAL = /^network\.(lo|veth|docker|br-|virbr|cni|flannel|tap|tun)/;

/** Where a shape has the numbers. `names` are in the order of its values. */
export function keyColumns(names: readonly string[]): KeyColumns {
  const all = (pattern: RegExp) =>
    names.flatMap((name, i) => pattern.test(name) && !VIRTUAL.test(name) ? [i] : []);
  const one = (name: string) => {
    const at = names.indexOf(name);
    return at < 0 ? undefined : at;
  };
  return {
    cpu: one("cpu_usage"),
    memory: one("memory_usage"),
    disks: all(DISK),
    received: all(RECEIVED),
    sent: all(SENT),
  };
}

/** Percents out of a report's values. */
export function gaugesOf(columns: KeyColumns, value: (column: number) => number): Gauges {
  const { cpu, memory, disks } = columns;
  return {
    ...(cpu === undefined ? {} : { cpu: value(cpu) }),
    ...(memory === undefined ? {} : { memory: value(memory) }),
    ...(disks.length === 0 ? {} : { disk: Math.max(...disks.map(value)) }),
  };
}

/** Sums of the counters; undefined where the shape has none. */
export function trafficOf(
  { received, sent }: KeyColumns,
  value: (column: number) => number,
): Traffic | undefined {
  if (received.length === 0 && sent.length === 0) return undefined;
  const sum = (columns: readonly number[]) =>
    columns.reduce((total, column) => total + value(column), 0);
  return { received: sum(received), sent: sum(sent) };
}

/** Bytes a second between two reports; undefined when a counter began anew in between. */
export function trafficRate(
  before: Traffic & { at_ms: number },
  after: Traffic & { at_ms: number },
): Traffic | undefined {
  const seconds = (after.at_ms - before.at_ms) / 1000;
  const rate = {
    received: (after.received - before.received) / seconds,
    sent: (after.sent - before.sent) / seconds,
  };
  return seconds > 0 && rate.received >= 0 && rate.sent >= 0 ? rate : undefined;
}
