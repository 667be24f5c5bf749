/**
 * `monitor import`: a file, or stdin, into a server. What is done is server/feed/import.ts; here is
 * where the bytes come from and what a person sees. Text packed by gzip is unpacked on the way.
 */
import { httpPost } from "../feed/post.ts";
import { Import, type ImportAccount, type ImportState } from "../feed/import.ts";
import { detectFormat } from "../wire/format.ts";
import type { FormatName } from "../wire/sample.ts";
import { defaultServer, defaultToken, serverUrl, tokenHeader } from "./address.ts";
import type { ReadingContext } from "./command.ts";
import { CommandError } from "./failure.ts";
import { formatCount, formatDuration, showMeter } from "./meter.ts";
import { graceAfter, listenForStop } from "./signals.ts";
import { trusting } from "./trust.ts";
import { programName, type Terminal } from "./terminal.ts";
import { safeJson, safeText } from "./text.ts";

/** Requests under way at once: enough that the server writes while it reads the next. */
const CONNECTIONS = 4;
/** Enough for comments and a first line. */
const HEAD_BYTES = 64 * 1024;

export interface ImportCommandOptions {
  /** A name, or - for stdin. */
  file: string;
  format?: FormatName;
  server?: string;
  json?: true;
}

/** A text to import, and how much of it has been read. */
interface Source {
  chunks: AsyncIterable<Uint8Array>;
  /** Undefined for what has no size, such as a pipe. */
  bytes: number | undefined;
  bytes_read: number;
  format: FormatName;
}

async function openFile(
  name: string,
): Promise<{ stream: ReadableStream<Uint8Array>; bytes?: number }> {
  if (name === "-") return { stream: Deno.stdin.readable };
  try {
    const file = await Deno.open(name);
    const { isFile, isDirectory, size } = await file.stat();
    if (isDirectory) {
      file.close();
      throw new Error("it is a directory");
    }
    return { stream: file.readable, bytes: isFile ? size : undefined };
  } catch (error) {
    throw new CommandError(`Cannot read ${safeText(name)}`, {
      cause: error instanceof Deno.errors.NotFound ? "there is no such file" : error,
      hint: "name a file, or - for what comes by a pipe",
    });
  }
}

/** Passes on what it reads, and takes note of how much that was. */
async function* counted(
  stream: ReadableStream<Uint8Array>,
  source: { bytes_read: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    source.bytes_read += chunk.length;
    yield chunk;
  }
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function* unpacked(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const first = await chunks.next();
  if (first.done) return;
  const all = async function* () {
    yield new Uint8Array(first.value);
    for await (const chunk of chunks) yield new Uint8Array(chunk);
  };
  if (!isGzip(first.value)) return yield* all();
  yield* ReadableStream.from(all()).pipeThrough(new DecompressionStream("gzip"));
}

/** Looks at the beginning to find the format. Throws CommandError when that cannot be told. */
async function openSource(options: ImportCommandOptions): Promise<Source> {
  const { file } = options;
  const { stream, bytes } = await openFile(file);
  const counting = { bytes_read: 0 };
  const chunks = unpacked(counted(stream, counting));
  const head: Uint8Array[] = [];
  let head_bytes = 0;
  while (head_bytes < HEAD_BYTES) {
    const { done, value } = await chunks.next();
    if (done) break;
    head.push(value);
    head_bytes += value.length;
  }
  const text = head.map((chunk) => new TextDecoder().decode(chunk)).join("");
  const lines = text.replace(/^\ufeff/, "").split("\n");
  const format = options.format ?? detectFormat(lines, file.replace(/\.gz$/, "")) ??
    (text.trim() === "" ? "ndjson" : undefined);
  if (format === undefined) {
    const first = lines.find((line) => line.trim() !== "") ?? "";
    throw new CommandError(`Cannot tell the format of ${file === "-" ? "stdin" : safeText(file)}`, {
      cause: `its first line is ${safeText(JSON.stringify(first.slice(0, 60)))}`,
      hint: "say it: --format csv (with a header), ndjson or prometheus",
    });
  }
  const all = async function* () {
    yield* head;
    yield* chunks;
  };
  return {
    chunks: all(),
    bytes,
    get bytes_read() {
      return counting.bytes_read;
    },
    format,
  };
}

function accountLines(account: ImportAccount, took_ms: number): string[] {
  const { read, stored, duplicate, refused, messages } = account;
  const rate = formatCount(read / Math.max(1, took_ms) * 1000);
  return [
    `read       ${read} samples in ${formatDuration(took_ms)} (${rate}/s)`,
    `stored     ${stored}`,
    `duplicate  ${duplicate}`,
    `refused    ${refused}`,
    ...(messages > 0 ? [`messages   ${messages}`] : []),
  ];
}

function tell(
  { account }: Import,
  options: { terminal: Terminal; took_ms: number; json: boolean; stopped: boolean },
): void {
  const { terminal, took_ms, json, stopped } = options;
  const refusals = account.refusals.toSorted((a, b) => a.line - b.line);
  for (const { line, column, reason } of json ? [] : refusals) {
    terminal.err(
      `line ${line}${column === undefined ? "" : `, column ${column}`}: ${safeText(reason)}\n`,
    );
  }
  if (json) {
    const seconds = Math.round(took_ms) / 1000;
    terminal.out(`${safeJson({ ...account, refusals, seconds, complete: !stopped })}\n`);
  } else terminal.out(`${accountLines(account, took_ms).join("\n")}\n`);
}

/** Throws CommandError when not every sample is stored in the end. */
export async function runImport(
  options: ImportCommandOptions,
  context: ReadingContext,
): Promise<void> {
  const { terminal, clock, env } = context;
  const server = serverUrl(options.server ?? defaultServer(env));
  const source = await openSource(options);
  using stop = listenForStop(terminal);
  const meter = showMeter(terminal, { label: "import", unit: "samples", clock });
  const onProgress = ({ account, waiting }: ImportState) =>
    meter.update({
      done: account.read,
      fraction: source.bytes ? source.bytes_read / source.bytes : undefined,
      note: waiting === undefined ? undefined : `waiting: ${waiting}`,
    });
  const begun_ms = clock.monotonic();
  const work = new Import({
    format: source.format,
    post: httpPost(server, clock, {
      headers: tokenHeader(defaultToken(env)),
      client: trusting(env),
    }),
    server,
    clock,
    connections: CONNECTIONS,
    signal: stop.signal,
    give_up: graceAfter(stop, clock),
    onProgress,
  });
  const ended = () => {
    meter.done();
    const took_ms = clock.monotonic() - begun_ms;
    const stopped = stop.signal.aborted;
    tell(work, { terminal, took_ms, json: options.json === true, stopped });
  };
  const running = work.run(source.chunks);
  // reading from a pipe may wait for ever: who stopped it does not want to wait for its end
  running.catch(() => {});
  try {
    await Promise.race([running, stop.requested]);
    await work.underWay();
  } catch (error) {
    ended();
    throw readable(error, options.file);
  }
  ended();
  fail(work.account, stop.signal.aborted);
}

/** A stream that breaks is trouble in the world; what has a hint of its own says it better. */
function readable(error: unknown, file: string): unknown {
  if (error instanceof Error && "hint" in error) return error;
  if (error instanceof TypeError || error instanceof Deno.errors.BadResource) {
    return new CommandError(`Cannot read ${safeText(file)} to its end`, {
      cause: error.message,
      hint: "is the file damaged? What was stored stays; importing it again stores nothing twice",
    });
  }
  return error;
}

function fail(account: ImportAccount, stopped: boolean): void {
  const { read, stored, duplicate, refused, refusals } = account;
  if (stopped) {
    throw new CommandError(
      `Stopped: ${read - stored - duplicate - refused} samples were read and not sent`,
      {
        hint: "run it again to go on: what is stored already is not stored twice",
      },
    );
  }
  if (refused === 0 && refusals.length === 0) return;
  const more = refused > refusals.length ? `, the first ${refusals.length} are above` : "";
  throw new CommandError(`${refused} of ${read} samples were refused${more}`, {
    hint: `correct them and import the file again ("${programName()} import --help" has the ` +
      "formats); what is stored already is not stored twice",
  });
}
