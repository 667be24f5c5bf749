/** Senders of many reports, as agents are: each comes again until its report is taken. */
import { systemClock } from "../../clock.ts";

export const REPORTS = 2_000;
const HOSTS = 50;
const RETRY_MS = 100;

export interface Sent {
  hostname: string;
  timestamp: number;
  metrics: Record<string, number>;
}

/** Reports of many hosts, all different, of the last minutes. */
export function makeReports(now_s: number): Sent[] {
  return Array.from({ length: REPORTS }, (_, i) => ({
    hostname: `host-${i % HOSTS}`,
    timestamp: now_s - 600 + Math.floor(i / HOSTS),
    metrics: { number: i, half: i / 2, constant: 7 },
  }));
}

export async function send(
  url: string,
  report: Sent,
): Promise<{ stored: number; duplicate: number } | undefined> {
  try {
    const response = await fetch(`${url}/metrics`, {
      method: "POST",
      body: JSON.stringify(report),
    });
    const reply = await response.json();
    return response.status === 200 ? reply : undefined;
  } catch {
    return undefined;
  }
}

/** All samples of metric `number`, by host and time. */
export async function readBack(url: string): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (let host = 0; host < HOSTS; host++) {
    const response = await fetch(`${url}/fetch/history/host-${host}/number?limit=100000`);
    if (response.status === 404) {
      await response.body?.cancel();
      continue;
    }
    for (const [at, value] of await response.json()) {
      const key = `host-${host} ${at}`;
      found.set(key, [...found.get(key) ?? [], value]);
    }
  }
  return found;
}

export function keyOf({ hostname, timestamp }: Sent): string {
  return `${hostname} ${timestamp}`;
}

/** As a sender does: a server whose connections are not all back yet says to come again. */
export async function sendUntilTaken(url: string, report: Sent) {
  for (;;) {
    const reply = await send(url, report);
    if (reply !== undefined) return reply;
    await systemClock.sleep(RETRY_MS);
  }
}
