/** Reads back what was acknowledged: each report once, with its number, and no other. */
import { hostName, NUMBER_METRIC, type Senders } from "./senders.ts";

const ABREAST = 4;
/** That are listed; all are counted. */
const FAULTS_MAX = 10;

/** Hosts of which something is missing, doubled or made up, and the first of them. */
export async function readBack(
  url: string,
  senders: Pick<Senders, "acknowledged" | "start_s">,
): Promise<{ count: number; faults: string[] }> {
  const faults: string[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: ABREAST }, async () => {
    for (let host = next++; host < senders.acknowledged.length; host = next++) {
      const acknowledged = senders.acknowledged[host] ?? 0;
      const path = `${
        hostName(host)
      }/${NUMBER_METRIC}?start=${senders.start_s}&limit=100000&tier=raw`;
      const response = await fetch(`${url}/fetch/history/${path}`);
      if (response.status !== 200) {
        faults.push(`${hostName(host)} cannot be read back: ${await response.text()}`);
        continue;
      }
      const pairs: [number, number][] = await response.json();
      const right = pairs.every(([at_s, value], i) => {
        const second = acknowledged - 1 - i;
        return value === second && at_s === senders.start_s + second;
      });
      if (right && pairs.length === acknowledged) continue;
      faults.push(`${hostName(host)} has ${pairs.length} reports, acknowledged ${acknowledged}`);
    }
  }));
  return { count: faults.length, faults: faults.slice(0, FAULTS_MAX) };
}
