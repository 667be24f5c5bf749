/** History that is there when a soak begins, so that blocks and rollups are read from the start. */
import { systemClock } from "../../clock.ts";
import { METRICS } from "./senders.ts";

/** How much of the past. */
export const PAST_S = 2 * 3_600;
const EVERY_S = 10;
/** So long before the present it ends: those hours are closed. */
const ENDS_BEFORE_S = 2 * 3_600;
const BATCH = 100;
const LOOK_MS = 250;

function report(host: number, at_s: number) {
  const metrics = Object.fromEntries(
    Array.from({ length: METRICS }, (_, i) => [
      `m_${String(i).padStart(3, "0")}`,
      Math.round(100 * (host + Math.sin(at_s / 900 + i))) / 100,
    ]),
  );
  return { hostname: `past-${host}`, timestamp: at_s, metrics };
}

/** Sends two hours of some hosts. */
export async function seedPast(url: string, count: number, say: (text: string) => void) {
  say(`storing two hours of the past of ${count} hosts`);
  const to_s = Math.floor(systemClock.now() / 1000) - ENDS_BEFORE_S;
  for (let host = 0; host < count; host++) {
    const times = Array.from({ length: PAST_S / EVERY_S }, (_, i) => to_s - PAST_S + i * EVERY_S);
    for (let at = 0; at < times.length; at += BATCH) {
      const body = JSON.stringify(times.slice(at, at + BATCH).map((at_s) => report(host, at_s)));
      const response = await fetch(`${url}/metrics`, { method: "POST", body });
      if (response.status !== 200) throw new Error(await response.text());
      await response.body?.cancel();
    }
  }
  return { hosts: Array.from({ length: count }, (_, host) => `past-${host}`), to_s };
}

/** Turns what is closed into blocks now. */
export async function aggregate(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/aggregate`, { method: "POST" });
    const { state } = await response.json();
    if (state !== "running") return;
    await systemClock.sleep(LOOK_MS);
  }
}
