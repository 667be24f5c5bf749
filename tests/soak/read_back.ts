/** Reads back what was acknowledged: each report once, with its number, and no other. */
import { hostName, NUMBER_METRIC, type Senders } from "./senders.ts";

const ABREAST = 4;
/** That are listed; all are counted. */
const FAULTS_MAX = 10;

/** Reports, of all hosts. */
export interface ReadBack {
  stored: number;
  /** Acknowledged, and not there. */
  missing: number;
  /** There once more than they were sent. */
  doubled: number;
  /** There with another number, or at another time, than was ever sent. */
  made_up: number;
  faults: string[];
}

async function readHost(url: string, host: number, senders: Pick<Senders, "start_s">) {
  const path = `${hostName(host)}/${NUMBER_METRIC}?start=${senders.start_s}&limit=100000&tier=raw`;
  const response = await fetch(`${url}/fetch/history/${path}`);
  if (response.status === 200) {
    // the API's form: [seconds, value]
    const pairs: [number, number][] = await response.json();
    return pairs;
  }
  const text = await response.text();
  return response.status === 404 ? [] : text;
}

/** What became of the reports that were acknowledged. */
export async function readBack(
  url: string,
  senders: Pick<Senders, "acknowledged" | "start_s">,
): Promise<ReadBack> {
  const result: ReadBack = { stored: 0, missing: 0, doubled: 0, made_up: 0, faults: [] };
  let next = 0;
  const tell = (text: string) => {
    if (result.faults.length < FAULTS_MAX) result.faults.push(text);
  };
  await Promise.all(Array.from({ length: ABREAST }, async () => {
    for (let host = next++; host < senders.acknowledged.length; host = next++) {
      const acknowledged = senders.acknowledged[host] ?? 0;
      const read = await readHost(url, host, senders);
      if (typeof read === "string") {
        result.missing += acknowledged;
        tell(`${hostName(host)} cannot be read back: ${read}`);
        continue;
      }
      const right = read.filter(([at_s, value]) => at_s === senders.start_s + value);
      const seconds = new Set(right.map(([, value]) => value));
      const made_up = read.length - right.length;
      const doubled = right.length - seconds.size;
      const expected = Array.from({ length: acknowledged }, (_, second) => second);
      const missing = expected.filter((second) => !seconds.has(second)).length;
      result.stored += seconds.size;
      result.missing += missing;
      result.doubled += doubled;
      result.made_up += made_up;
      if (missing + doubled + made_up === 0) continue;
      tell(
        `${hostName(host)}: acknowledged ${acknowledged}, missing ${missing}, ` +
          `doubled ${doubled}, made up ${made_up}`,
      );
    }
  }));
  return result;
}
