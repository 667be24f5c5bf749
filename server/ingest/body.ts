/** The ordinary way of a body: decode, parse, validate; each report for itself. */
import {
  type ClockLimits,
  type Fault,
  FAULTS_MAX,
  parseReport,
  type Refusal,
  type Report,
  shown,
} from "../../report.ts";
import { type ScannedReport, scanReports } from "./scan.ts";

/** The body, or all of its reports, cannot be taken: the sender must change something. */
export class RefusedError extends Error {
  override name = "RefusedError";
  constructor(message: string, readonly refused: Refusal[] = []) {
    super(message);
  }
}

/** The sender may not report for these hosts. */
export class HostForbiddenError extends Error {
  override name = "HostForbiddenError";
  constructor(message: string, readonly refused: Refusal[]) {
    super(message);
  }
}

/** One report of a body: what it became, and where it stood. */
export interface ParsedReport {
  index: number;
  reports: Report[];
  scanned: ScannedReport | undefined;
}

/**
 * Reads a body: a report, or an array of them.
 *
 * @returns the reports that can be taken, and why the others cannot
 * @throws RefusedError when it is no JSON, or an empty batch
 */
export function parseBody(
  body: Uint8Array,
  options: { now_ms: number; limits: ClockLimits },
): { elements: ParsedReport[]; refused: Refusal[]; is_batch: boolean } {
  const value = parseJson(body);
  const is_batch = Array.isArray(value);
  const inputs: unknown[] = is_batch ? value : [value];
  if (inputs.length === 0) throw new RefusedError("Cannot take the batch: it is empty");
  const scans = scanReports(body);
  const elements: ParsedReport[] = [];
  const refused: Refusal[] = [];
  let scan = 0;
  for (const [index, input] of inputs.entries()) {
    // only objects were scanned as reports
    const is_object = typeof input === "object" && input !== null && !Array.isArray(input);
    const scanned = is_object ? scans[scan++] : undefined;
    const path = is_batch ? `[${index}]` : "";
    const parsed = parseReport(input, { ...options, path });
    const faults: Fault[] = [...scanned?.duplicates ?? [], ...parsed.faults];
    if (faults.length === 0) elements.push({ index, reports: parsed.reports, scanned });
    else refused.push(toRefusal(index, faults));
  }
  return { elements, refused, is_batch };
}

function toRefusal(index: number, faults: readonly Fault[]): Refusal {
  const [first] = faults;
  const rest = faults.slice(1, FAULTS_MAX).map((fault) => `${fault.path} ${fault.message}`);
  return {
    index,
    path: first?.path ?? "",
    message: [first?.message ?? "", ...rest].join("; "),
  };
}

type Parsed = ReturnType<typeof parseBody>;

/**
 * The same, without reports of other hosts than the one that the sender may report for; `foreign` is
 * how many those are.
 */
export function ofHost(
  parsed: Parsed,
  hostname: string | undefined,
): Parsed & { foreign: number } {
  if (hostname === undefined) return { ...parsed, foreign: 0 };
  const isOwn = ({ reports }: ParsedReport) =>
    reports.every((report) => report.hostname === hostname);
  const others = parsed.elements.filter((element) => !isOwn(element));
  const refusals = others.map(({ index }) => ({
    index,
    path: "hostname",
    message: `must be ${shown(hostname)}: this token reports for no other host`,
  }));
  return {
    ...parsed,
    elements: parsed.elements.filter(isOwn),
    refused: [...parsed.refused, ...refusals].sort((a, b) => a.index - b.index),
    foreign: others.length,
  };
}

/** Nothing of a body can be taken; `foreign` reports of it are of others' hosts. */
export function allRefused(
  refused: Refusal[],
  { foreign }: { foreign: number } = { foreign: 0 },
): RefusedError | HostForbiddenError {
  const [first] = refused;
  const more = refused.length > 1 ? ` (and ${refused.length - 1} more reports refused)` : "";
  const message = `Cannot take the report: ${first?.path} ${first?.message}${more}`;
  return foreign > 0
    ? new HostForbiddenError(message, refused)
    : new RefusedError(message, refused);
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function parseJson(body: Uint8Array): unknown {
  let text: string;
  try {
    text = strictDecoder.decode(body);
  } catch {
    throw new RefusedError("Cannot read the body: it is not UTF-8");
  }
  if (text.trim() === "") throw new RefusedError("Cannot read the body: it is empty");
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RefusedError(`Cannot read the body as JSON: ${shown(reason).slice(1, -1)}`);
  }
}
