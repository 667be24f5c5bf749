/** `monitor migrate --to`: what is said before, while and after an installation moves. */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { type DatabaseAddress, resolveAddress } from "../address.ts";
import type { Sql } from "../connect.ts";
import { selectOtherSessions } from "./catalog.ts";
import { compareDatabases } from "./compare.ts";
import { TransferError } from "./error.ts";
import type { TransferProgress } from "./tally.ts";
import { transfer } from "./transfer.ts";

/** How our connections are called in `pg_stat_activity`; others of this program are servers. */
export const TRANSFER_NAME = "monitor migrate";

/** One of the two databases. */
export interface TransferPlace {
  sql: Sql;
  /** For people: without password. */
  url_for_display: string;
  /** Of a PostgreSQL of the operator's. */
  address?: DatabaseAddress;
  /** Of the embedded one. */
  data_dir?: string;
}

export interface RunTransferOptions {
  /** Only compare. */
  verify: boolean;
  json: boolean;
  log: Logger;
  clock: Clock;
  out: (text: string) => void;
  /** Shows how far it is until `done`. */
  showMeter: (label: string) => { update(progress: TransferProgress): void; done(): void };
  signal: AbortSignal;
}

/** What `--json` prints. */
interface TransferReport {
  from: string;
  to: string;
  tables: number;
  rows: number;
  bytes: number;
  took_ms: number;
  /** Of a move: tables of an earlier attempt that could stay. */
  kept?: number;
  /** Of a move: tables of the source that are none of monitor's. */
  left_out?: string[];
  /** Empty: everything is equal. */
  differences: string[];
}

/** Moves, or compares, and says what came of it. Throws `TransferError`. */
export async function runTransfer(
  from: TransferPlace,
  to: TransferPlace,
  options: RunTransferOptions,
): Promise<void> {
  const { verify, json, clock, out, signal } = options;
  await checkAlone(from.sql, "from");
  await checkAlone(to.sql, "to");
  const begun_ms = clock.monotonic();
  const meter = options.showMeter(verify ? "Comparing" : "Moving");
  const onProgress = (progress: TransferProgress) => meter.update(progress);
  const about = { from: from.url_for_display, to: to.url_for_display };
  let report: TransferReport;
  try {
    const done = verify
      ? await compareDatabases(from.sql, to.sql, { onProgress, signal })
      : { ...await transfer(from.sql, to.sql, { ...options, onProgress }), differences: [] };
    report = { ...about, ...done, took_ms: Math.round(clock.monotonic() - begun_ms) };
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new TransferError(verify ? "Stopped" : "Stopped before everything was moved", {
      hint: verify
        ? "the same command begins anew"
        : "the same command goes on with what is missing; nothing was changed where it comes from",
    });
  } finally {
    meter.done();
  }
  if (json) out(`${JSON.stringify(report, undefined, 2)}\n`);
  else out(verify ? comparisonText(report) : movedText(report, { from, to }));
  if (report.differences.length === 0) return;
  throw new TransferError("The two databases are not equal", {
    hint: "a server that has run on one of them has changed it; else move it again",
  });
}

/** A server that writes while its data is read would not be moved as a whole. */
async function checkAlone(sql: Sql, which: "from" | "to"): Promise<void> {
  const others = await selectOtherSessions(sql, TRANSFER_NAME);
  if (others.length === 0) return;
  throw new TransferError(
    `Cannot move ${which} a database that is in use: ${others.join(", ")} is connected`,
    { hint: "stop the server first" },
  );
}

function sizeText({ tables, rows, bytes, took_ms }: TransferReport): string {
  const mib = (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);
  return `${tables} tables, ${rows} rows, ${mib} MiB in ${(took_ms / 1000).toFixed(1)} s`;
}

function comparisonText(report: TransferReport): string {
  const { differences } = report;
  if (differences.length === 0) return `Everything is equal: ${sizeText(report)}\n`;
  return `${differences.join("\n")}\n${differences.length} differences: ${sizeText(report)}\n`;
}

/** What was moved, and what to do so that the server goes on from there. */
function movedText(
  report: TransferReport,
  { from, to }: { from: TransferPlace; to: TransferPlace },
): string {
  const lines = [
    `Moved ${sizeText(report)}; all of it was read back and is the same`,
    `from    ${from.url_for_display}`,
    `to      ${to.url_for_display}`,
  ];
  if (report.kept) lines.push(`kept    ${report.kept} tables of an earlier attempt`);
  if (report.left_out?.length) {
    lines.push(`not     ${report.left_out.join(", ")}: not monitor's`);
  }
  lines.push(
    "",
    "In server_config.json, for the next start:",
    settingsText(to),
    "",
    `What is in the old place stays there until you remove it.`,
  );
  return `${lines.join("\n")}\n`;
}

/** The settings that name a place. Passwords are left to a file. */
export function settingsText({ address, data_dir }: TransferPlace): string {
  if (address === undefined) {
    return `${JSON.stringify({ data_dir }, undefined, 2)}\n(and nothing under "database")`;
  }
  const { host, port, username, password, database, ssl } = resolveAddress(address);
  const settings = {
    host,
    port,
    username,
    ...(password === undefined ? {} : { password_file: "/etc/monitor/database_password" }),
    database_name: database,
    ...(ssl === "disable" ? {} : { ssl }),
  };
  return JSON.stringify({ database: settings }, undefined, 2);
}
