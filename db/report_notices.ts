/**
 * How a server tells the others which reports it has stored: alerts are evaluated by one of them, and
 * it has to see what all of them take. What is told are keys; the values are read from the table.
 */
import type { ReportKey } from "./reports.ts";
import type { Sql } from "./connect.ts";

const CHANNEL = "monitor_reports";
/** A notice has at most 8,000 bytes; a key has some 25. */
const KEYS_MAX = 200;

/** Tells of reports. Nobody need be listening. */
export async function notifyReports(sql: Sql, keys: readonly ReportKey[]): Promise<void> {
  for (let at = 0; at < keys.length; at += KEYS_MAX) {
    const part = keys.slice(at, at + KEYS_MAX)
      .map(({ host_id, shape_id, at_ms }) => [host_id, shape_id, at_ms]);
    await sql`select pg_notify(${CHANNEL}, ${JSON.stringify(part)})`;
  }
}

/**
 * Hears of reports until `stop`. `onListening` is called whenever hearing begins, again after the
 * connection was lost: what was told in between has to be looked for.
 */
export async function listenReports(
  sql: Sql,
  { onReports, onListening }: {
    onReports: (keys: ReportKey[]) => void;
    onListening: () => void;
  },
): Promise<{ stop(): Promise<void> }> {
  const { unlisten } = await sql.listen(CHANNEL, (text) => {
    // written by notifyReports() of another server
    const part = JSON.parse(text) as [number, number, number][];
    onReports(part.map(([host_id, shape_id, at_ms]) => ({ host_id, shape_id, at_ms })));
  }, onListening);
  return { stop: unlisten };
}
