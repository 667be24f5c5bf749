/**
 * What the screenshots show: some hosts of a small company, one of which has a full disk and one of
 * which is silent. Everything is a function of the seed and the time, so that the same pictures come
 * out again.
 */
import type { MetricMetadata, MetricTree, ReportInput } from "../../report.ts";
import { chance, hashOf } from "../../server/feed/random.ts";

const SEED = 7;
/** Everything is at this time, in Unix seconds: 2026-05-12 09:30 UTC. */
export const NOW_S = 1_778_578_200;
const GIB = 2 ** 30;
const MEMORY_BYTES = 16 * GIB;
const INTERVAL_S = 30;
/** The host whose page is shown has a longer past. */
export const MAIN_HOST = "web-1";
const MAIN_PAST_S = 6 * 3_600;
const PAST_S = 3_900;

interface SceneHost {
  name: string;
  alias?: string;
  location: string;
  role: string;
  /** Percents around which it moves. */
  cpu: number;
  memory: number;
  disk: number;
  /** No report for so long. */
  silent_s?: number;
}

// deno-fmt-ignore -- one host a line
export const SCENE_HOSTS: readonly SceneHost[] = [
  { name: "backup-1", location: "Lisbon", role: "backup", cpu: 9, memory: 22, disk: 96 },
  { name: "cache-1", location: "Oslo", role: "cache", cpu: 21, memory: 83, disk: 18 },
  { name: "cache-2", location: "Lisbon", role: "cache", cpu: 17, memory: 79, disk: 17 },
  { name: "ci-1", alias: "Build machine", location: "Oslo", role: "ci", cpu: 72, memory: 58, disk: 64 },
  { name: "db-1", alias: "Orders database", location: "Oslo", role: "db", cpu: 34, memory: 71, disk: 58 },
  { name: "db-2", alias: "Orders database, standby", location: "Lisbon", role: "db", cpu: 12, memory: 69, disk: 58 },
  { name: "mail-1", location: "Oslo", role: "mail", cpu: 6, memory: 31, disk: 42 },
  { name: "office-nas", alias: "Office storage", location: "Berlin", role: "storage", cpu: 4, memory: 26, disk: 71, silent_s: 1_500 },
  { name: "proxy-1", location: "Oslo", role: "proxy", cpu: 15, memory: 24, disk: 12 },
  { name: "proxy-2", location: "Lisbon", role: "proxy", cpu: 14, memory: 23, disk: 12 },
  { name: "web-1", alias: "Shop", location: "Oslo", role: "web", cpu: 38, memory: 54, disk: 47 },
  { name: "web-2", alias: "Shop", location: "Oslo", role: "web", cpu: 41, memory: 55, disk: 46 },
  { name: "web-3", alias: "Shop, standby", location: "Lisbon", role: "web", cpu: 8, memory: 49, disk: 44 },
  { name: "worker-1", location: "Oslo", role: "worker", cpu: 63, memory: 44, disk: 33 },
  { name: "worker-2", location: "Oslo", role: "worker", cpu: 59, memory: 46, disk: 35 },
  { name: "worker-3", location: "Lisbon", role: "worker", cpu: 66, memory: 43, disk: 31 },
];

const percent: MetricMetadata = { unit: "%", kind: "gauge" };
const bytes: MetricMetadata = { unit: "B", kind: "gauge" };
const counter: MetricMetadata = { unit: "B", kind: "counter" };

/** Units, as the shipped collectors declare them. */
const UNITS: Record<string, MetricMetadata> = {
  "cpu_usage": percent,
  "cpu_usage.user": percent,
  "cpu_usage.system": percent,
  "cpu_usage.iowait": percent,
  "memory_usage": percent,
  "memory_usage.used": bytes,
  "memory_usage.buffers": bytes,
  "memory_usage.cached": bytes,
  "memory_usage.free": bytes,
  "disk.root.used_percent": percent,
  "disk.data.used_percent": percent,
  "disk_io.nvme0n1.read_bytes_total": counter,
  "disk_io.nvme0n1.written_bytes_total": counter,
  "disk_io.nvme0n1.busy_percent": percent,
  "network.eth0.rx_bytes_total": counter,
  "network.eth0.tx_bytes_total": counter,
  "orders.paid_total": { unit: "orders", kind: "counter" },
  "pressure.cpu.some": percent,
  "pressure.io.some": percent,
};

/** Noise without jumps: a straight line between values that are `every` steps apart. -1 to 1. */
function drift(seed: number, step: number, every: number): number {
  const part = step / every - Math.floor(step / every);
  const at = (index: number) => chance(seed, index) * 2 - 1;
  const index = Math.floor(step / every);
  return at(index) * (1 - part) + at(index + 1) * part;
}

function metricsOf(host: SceneHost, seed: number, step: number, past: number): MetricTree {
  const move = (salt: number, every: number) => drift(seed ^ salt, step, every);
  const busy = host.cpu * (1 + 0.35 * move(1, 40) + 0.12 * move(2, 2));
  const peak = step % 131 < 9 ? 1.7 : 1;
  const cpu = Math.min(99, Math.max(0.5, busy * peak));
  const memory = host.memory * (1 + 0.06 * move(3, 60));
  const used = memory / 100 * MEMORY_BYTES;
  const cached = (MEMORY_BYTES - used) * 0.7;
  // what is carried grows with the work; the sum of a wave has no jumps
  const sum = (rate: number, salt: number) => {
    const whole = rate * step * INTERVAL_S;
    return Math.round(whole + rate * 240 * Math.sin(step / 23 + salt) + rate * 40 * move(salt, 7));
  };
  const two = (value: number) => Math.round(value * 100) / 100;
  return {
    "cpu_usage": two(cpu),
    "cpu_usage.user": two(cpu * 0.71),
    "cpu_usage.system": two(cpu * 0.22),
    "cpu_usage.iowait": two(cpu * 0.07),
    "memory_usage": two(memory),
    "memory_usage.used": Math.round(used),
    "memory_usage.buffers": Math.round(0.2 * GIB),
    "memory_usage.cached": Math.round(cached),
    "memory_usage.free": Math.round(MEMORY_BYTES - used - cached - 0.2 * GIB),
    "load.1m": two(cpu / 12 * (1 + 0.2 * move(4, 3))),
    "load.5m": two(cpu / 12.5 * (1 + 0.05 * move(4, 12))),
    "load.15m": two(cpu / 13),
    "pressure.cpu.some": two(Math.max(0, cpu - 30) / 6),
    "pressure.io.some": two(Math.max(0, 2 + 2 * move(5, 9))),
    "disk.root.used_percent": two(host.disk - past / 3_600 * 0.4),
    "disk.data.used_percent": two(host.disk * 0.6),
    "disk_io.nvme0n1.read_bytes_total": sum(host.cpu * 21_000, 6),
    "disk_io.nvme0n1.written_bytes_total": sum(host.cpu * 48_000, 7),
    "disk_io.nvme0n1.busy_percent": two(Math.max(0, cpu * 0.4 * (1 + 0.4 * move(8, 5)))),
    "network.eth0.rx_bytes_total": sum(host.cpu * 31_000, 9),
    "network.eth0.tx_bytes_total": sum(host.cpu * 76_000, 10),
    ...host.name === MAIN_HOST ? { ...orders(seed, step), ...ownMetrics(step) } : {},
  };
}

/** A collector of the shop's own, which fails while the machine is busiest. */
function orders(seed: number, step: number): MetricTree {
  if (step % 131 === 4) {
    return { orders: { value: null, message: "GET http://shop.internal/orders: 503 after 5 s" } };
  }
  const wave = 12 + 6 * drift(seed ^ 11, step, 30) + 3 * drift(seed ^ 12, step, 4);
  return {
    "orders.open": Math.round(wave),
    "orders.paid_total": Math.round(step * 14 + 60 * Math.sin(step / 31)),
  };
}

/** What an agent says of itself. */
function ownMetrics(step: number): MetricTree {
  // runs, milliseconds and bytes of each collector
  const costs: Record<string, [number, number]> = {
    cpu_usage: [0.6, 180],
    disk: [2.1, 220],
    disk_io: [0.8, 310],
    load: [0.3, 60],
    memory_usage: [0.5, 190],
    network: [0.7, 240],
    orders: [38, 24],
    pressure: [0.4, 120],
  };
  const runs = step % 20_000;
  return Object.fromEntries(
    Object.entries(costs).flatMap(([name, [ms, size]]): [string, number][] => [
      [`monitor_agent_script_runs_total{script="${name}"}`, runs],
      [`monitor_agent_script_ms_total{script="${name}"}`, Math.round(runs * ms)],
      [`monitor_agent_script_bytes_total{script="${name}"}`, runs * size],
      ...name === "orders"
        ? [[`monitor_agent_script_errors_total{script="${name}"}`, 3] as [string, number]]
        : [],
    ]),
  );
}

/** All reports of a host, oldest first. */
export function sceneReports(host: SceneHost): ReportInput[] {
  const seed = hashOf(SEED, SCENE_HOSTS.indexOf(host));
  const past_s = host.name === MAIN_HOST ? MAIN_PAST_S : PAST_S;
  const end_s = NOW_S - (host.silent_s ?? 0);
  const reports: ReportInput[] = [];
  for (let at_s = NOW_S - past_s; at_s <= end_s; at_s += INTERVAL_S) {
    reports.push({
      hostname: host.name,
      timestamp: at_s,
      metrics: metricsOf(host, seed, at_s / INTERVAL_S, NOW_S - at_s),
    });
  }
  const first = reports[0];
  if (first !== undefined) {
    first.additional_data = { alias: host.alias ?? null, location: host.location };
    first.tags = { role: host.role, env: host.role === "ci" ? "test" : "prod" };
    first.metadata = UNITS;
  }
  return reports;
}

/** What is to be told in this company. */
export const SCENE_RULES: readonly Record<string, unknown>[] = [
  {
    name: "Disk almost full",
    metric: "disk.root.used_percent",
    condition: "above",
    warning: 85,
    critical: 94,
    runbook: "https://wiki.example.com/disk",
  },
  {
    name: "Busy",
    metric: "cpu_usage",
    condition: "above",
    threshold: 70,
    severity: "warning",
  },
];

/** Work on the standby that was announced. */
export const SCENE_DOWNTIMES: readonly Record<string, unknown>[] = [
  { hosts: ["db-2"], start: NOW_S - 600, end: NOW_S + 5_400, note: "PostgreSQL is upgraded" },
  { hosts: ["proxy-*"], start: NOW_S + 86_400, duration_s: 1_800, note: "New certificates" },
];
