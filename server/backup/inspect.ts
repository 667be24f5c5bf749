/** `monitor backup --list` and `--verify`: what there is in a directory, and whether it is whole. */
import { BackupDirectory } from "../../db/backup/directory.ts";
import { BackupError } from "../../db/backup/error.ts";
import { filesOf, type Manifest } from "../../db/backup/manifest.ts";
import { verifyBackup } from "../../db/backup/verify.ts";
import { CommandError } from "../cli/failure.ts";
import { showMeter } from "../cli/meter.ts";
import { layoutTable } from "../cli/table.ts";
import { formatValue } from "../cli/value.ts";
import type { BackupContext } from "./command.ts";

const sizeText = (bytes: number) => formatValue(bytes, "bytes");

/** What `--json` prints of each. */
type Listed =
  | { kind: "damaged"; id: string; fault: string }
  | {
    kind: "whole";
    id: string;
    point: string;
    monitor: string;
    tables: number;
    rows: number;
    bytes: number;
  };

/** What there is in a directory, the oldest first. */
export async function runList(
  from: string,
  options: { json?: true },
  { terminal }: BackupContext,
): Promise<void> {
  using directory = await BackupDirectory.toRead(from);
  const found: Listed[] = [];
  for (const id of await directory.ids()) {
    try {
      const { point, monitor, tables } = await directory.manifest(id);
      const bytes = filesOf(tables).reduce((sum, file) => sum + file.bytes, 0);
      const rows = tables.reduce((sum, table) => sum + table.rows, 0);
      found.push({ kind: "whole", id, point, monitor, tables: tables.length, rows, bytes });
    } catch (error) {
      if (!(error instanceof BackupError)) throw error;
      found.push({ kind: "damaged", id, fault: error.message });
    }
  }
  if (options.json) return terminal.out(`${JSON.stringify(found)}\n`);
  const columns = ["BACKUP", "POINT", "TAKEN BY", "TABLES", "ROWS", "SIZE"];
  const lines = layoutTable({
    columns: columns.map((header) => ({ header, whole: true })),
    rows: found.map((one) =>
      one.kind === "damaged" ? [one.id, one.fault] : [
        one.id,
        one.point,
        `monitor ${one.monitor}`,
        String(one.tables),
        String(one.rows),
        sizeText(one.bytes),
      ]
    ),
  }, terminal.columns);
  terminal.out(`${lines.join("\n")}\n`);
}

/** Reads every backup of a directory (or one) to its end. */
export async function runVerify(
  from: string,
  options: { json?: true; backup?: string },
  { terminal, clock, listenForStop }: BackupContext,
): Promise<void> {
  using directory = await BackupDirectory.toRead(from);
  const ids = options.backup === undefined ? await directory.ids() : [options.backup];
  using stop = listenForStop();
  const meter = showMeter(terminal, { label: "Verifying", unit: "rows", clock });
  const faults: string[] = [];
  const checked = new Set<string>();
  let bytes = 0;
  try {
    for (const id of ids) {
      const manifest = await readManifest(directory, id, faults);
      // what several backups have in common is read once
      const tables = manifest?.tables.filter(({ files, rows, checksum }) => {
        const key = JSON.stringify([files, rows, checksum]);
        return !checked.has(key) && checked.add(key);
      }) ?? [];
      if (manifest === undefined) continue;
      bytes += filesOf(tables).reduce((sum, file) => sum + file.bytes, 0);
      const found = await verifyBackup(directory, { ...manifest, tables }, {
        signal: stop.signal,
        onProgress: ({ rows, fraction, note }) => meter.update({ done: rows, fraction, note }),
      });
      faults.push(...found.map((fault) => `${id}: ${fault}`));
    }
  } finally {
    meter.done();
  }
  const report = { backups: ids.length, bytes, faults };
  if (options.json) terminal.out(`${JSON.stringify(report)}\n`);
  else if (faults.length > 0) terminal.out(`${faults.join("\n")}\n`);
  else terminal.out(`Everything is whole: ${ids.length} backups, ${sizeText(bytes)} read\n`);
  if (faults.length === 0) return;
  throw new CommandError(`The backups are damaged: ${faults.length} faults`, {
    hint: "take a new one (monitor backup --full), and look at the disk",
  });
}

async function readManifest(
  directory: BackupDirectory,
  id: string,
  faults: string[],
): Promise<Manifest | undefined> {
  try {
    return await directory.manifest(id);
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    faults.push(`${id}: ${error.message}`);
    return undefined;
  }
}
