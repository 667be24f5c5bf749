/**
 * How the servers of one database tell each other what they have stored: alerts are evaluated by one of
 * them and pages are open at each, and all have to see what any of them takes. What is told of reports
 * are keys; the values are read from the table.
 */
import type { ReportKey } from "./reports.ts";
import type { Sql } from "./connect.ts";

const CHANNEL = "monitor_servers";
/** A notice has at most 8,000 bytes; a key has some 25. */
const KEYS_MAX = 200;

export interface Notice {
  /** Of a server, new with each start. */
  from: string;
  /** It is there, and tells these others of its reports. */
  knows?: string[];
  reports?: ReportKey[];
  /** Something has happened to an incident or a downtime. */
  news?: true;
}

type Written = Omit<Notice, "reports"> & { reports?: [number, number, number][] };

async function notify(sql: Sql, notice: Written): Promise<void> {
  await sql`select pg_notify(${CHANNEL}, ${JSON.stringify(notice)})`;
}

/** Tells something. Nobody need be listening. */
export async function notifyServers(sql: Sql, notice: Omit<Notice, "reports">): Promise<void> {
  await notify(sql, notice);
}

/** Tells of reports. */
export async function notifyReports(
  sql: Sql,
  from: string,
  keys: readonly ReportKey[],
): Promise<void> {
  for (let at = 0; at < keys.length; at += KEYS_MAX) {
    const reports = keys.slice(at, at + KEYS_MAX)
      .map(({ host_id, shape_id, at_ms }): [number, number, number] => [host_id, shape_id, at_ms]);
    await notify(sql, { from, reports });
  }
}

/** Hears what is told, also by this server, for as long as the connection lives. */
export async function listenToServers(
  sql: Sql,
  onNotice: (notice: Notice) => void,
): Promise<void> {
  await sql.listen(CHANNEL, (text) => {
    // written by notify() of a server of this version or another
    const { reports, ...notice } = JSON.parse(text) as Written;
    onNotice({
      ...notice,
      reports: reports?.map(([host_id, shape_id, at_ms]) => ({ host_id, shape_id, at_ms })),
    });
  });
}
