/**
 * The bytes of a segment, and what can still be read of them after anything has happened.
 *
 *   segment  "MSPOOL1\n", then records
 *   record   0  F5 FF   marker: two bytes that occur in no UTF-8 text
 *            2  kind    1 report, 2 state
 *            3  0
 *            4  length  of the payload, u32
 *            8  CRC-32  of bytes 2 to 7 and the payload, u32
 *           12  payload
 *   report   0 sequence number, f64;  8 time in ms since 1970, f64;  16 samples, u32;  20 JSON, UTF-8
 *   state    JSON, UTF-8 (state.ts)
 *
 * Numbers are little-endian. A process that is killed leaves a record cut off at any byte at the end;
 * a power cut can also leave zeros or older bytes in between, and a disk can turn single bits. So
 * nothing is believed without its checksum, not even a length: behind a record that is wrong, the next
 * one is looked for by its marker, byte by byte. How many were lost is seen by their numbers.
 */
import { crc32 } from "node:zlib";

export const SEGMENT_HEAD = new TextEncoder().encode("MSPOOL1\n");
const RECORD_HEAD_BYTES = 12;
const REPORT_HEAD_BYTES = 20;
const MARKER = [0xf5, 0xff] as const;
/** Far more than a server takes at once; a length beyond it is damage. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

const KINDS = { report: 1, state: 2 } as const;
type RecordKind = keyof typeof KINDS;

/** A report as it waits: its text never changes again. */
export interface SpooledReport {
  /** Counts all reports of a spool, from 1. */
  seq: number;
  at_ms: number;
  samples: number;
  text: string;
}

const encoder = new TextEncoder();
/** A text comes back as it was, byte for byte. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function encodeRecord(kind: RecordKind, payload_bytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RECORD_HEAD_BYTES + payload_bytes);
  bytes.set(MARKER);
  bytes[2] = KINDS[kind];
  new DataView(bytes.buffer).setUint32(4, payload_bytes, true);
  return bytes;
}

/** Of a record of which everything else is in place. */
function checksum(record: Uint8Array): number {
  return crc32(record.subarray(RECORD_HEAD_BYTES), crc32(record.subarray(2, 8)));
}

function seal(record: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  new DataView(record.buffer).setUint32(8, checksum(record), true);
  return record;
}

export function encodeReport(report: SpooledReport): Uint8Array<ArrayBuffer> {
  const text = encoder.encode(report.text);
  const record = encodeRecord("report", REPORT_HEAD_BYTES + text.length);
  const view = new DataView(record.buffer, RECORD_HEAD_BYTES);
  view.setFloat64(0, report.seq, true);
  view.setFloat64(8, report.at_ms, true);
  view.setUint32(16, report.samples, true);
  record.set(text, RECORD_HEAD_BYTES + REPORT_HEAD_BYTES);
  return seal(record);
}

/** `json` is what state.ts makes. */
export function encodeState(json: string): Uint8Array<ArrayBuffer> {
  const text = encoder.encode(json);
  const record = encodeRecord("state", text.length);
  record.set(text, RECORD_HEAD_BYTES);
  return seal(record);
}

/** A report in the bytes of a segment; its text is decoded when it is asked for. */
export interface FoundReport extends Omit<SpooledReport, "text"> {
  text(): string;
}

/** The same with its text. */
export function spooledReport(found: FoundReport | undefined): SpooledReport | undefined {
  return found === undefined ? undefined : { ...found, text: found.text() };
}

export interface SegmentContent {
  /** In the order of the file. */
  reports: FoundReport[];
  /** The last one in it. */
  state: string | undefined;
  /** Where the last good record ends: what follows is the rest of one that was never finished. */
  end: number;
  /** Bytes between good records that belong to none. */
  damaged_bytes: number;
}

/** Reads all good records of a segment. */
export function readSegment(bytes: Uint8Array): SegmentContent {
  const content: SegmentContent = { reports: [], state: undefined, end: 0, damaged_bytes: 0 };
  // a damaged head is no reason to give up the records: they are found by themselves
  const headed = SEGMENT_HEAD.every((byte, at) => bytes[at] === byte);
  let at = headed ? SEGMENT_HEAD.length : 0;
  content.end = at;
  while (at < bytes.length) {
    const record = recordAt(bytes, at);
    if (record === undefined) {
      at = nextMarker(bytes, at + 1);
      continue;
    }
    content.damaged_bytes += at - content.end;
    const payload = record.subarray(RECORD_HEAD_BYTES);
    if (record[2] === KINDS.state) content.state = decoder.decode(payload);
    else content.reports.push(reportOf(payload));
    at += record.length;
    content.end = at;
  }
  return content;
}

/** Whether these are the first bytes of a segment that only a newer program can read. */
export function isForeignSegment(bytes: Uint8Array): boolean {
  const head = decoder.decode(bytes.subarray(0, SEGMENT_HEAD.length));
  return /^MSPOOL[2-9]\n$/.test(head);
}

function recordAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (bytes[at] !== MARKER[0] || bytes[at + 1] !== MARKER[1]) return undefined;
  if (at + RECORD_HEAD_BYTES > bytes.length) return undefined;
  const kind = bytes[at + 2];
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const length = view.getUint32(4, true);
  const end = at + RECORD_HEAD_BYTES + length;
  if (length > PAYLOAD_BYTES_MAX || end > bytes.length) return undefined;
  if (kind === KINDS.report ? length < REPORT_HEAD_BYTES : kind !== KINDS.state) return undefined;
  const record = bytes.subarray(at, end);
  return checksum(record) === view.getUint32(8, true) ? record : undefined;
}

function nextMarker(bytes: Uint8Array, from: number): number {
  const at = bytes.indexOf(MARKER[0], from);
  return at === -1 ? bytes.length : at;
}

function reportOf(payload: Uint8Array): FoundReport {
  const view = new DataView(payload.buffer, payload.byteOffset);
  return {
    seq: view.getFloat64(0, true),
    at_ms: view.getFloat64(8, true),
    samples: view.getUint32(16, true),
    text: () => decoder.decode(payload.subarray(REPORT_HEAD_BYTES)),
  };
}
