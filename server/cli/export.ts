/**
 * `monitor export`: the lines the server sends, to stdout or into a file.
 *
 * A file appears under its name only when it is complete: until then it is `<name>.partial`, which is
 * removed when the export breaks off or is stopped. Whether it is complete is known from the stream
 * and from its last line; see server/http/export.ts.
 */
import { FORMATS } from "../wire/format.ts";
import { globMatcher } from "../wire/glob.ts";
import { type FormatName, isFault, type LineReader, type SampleLine } from "../wire/sample.ts";
import type { Client } from "./client.ts";
import { connectClient, type ReadingContext } from "./command.ts";
import { CommandError } from "./failure.ts";
import { formatDuration, type Meter, showMeter } from "./meter.ts";
import { listenForStop } from "./signals.ts";
import { programName } from "./terminal.ts";
import { safeText } from "./text.ts";

export interface ExportOptions {
  format: FormatName;
  host: string[];
  metric: string[];
  /** Patterns by name. */
  tags: Record<string, string>;
  /** Milliseconds since 1970; the end is left out. */
  from_ms?: number;
  to_ms?: number;
  output?: string;
  server?: string;
}

function parameters(options: ExportOptions): URLSearchParams {
  const query = new URLSearchParams({ format: options.format });
  for (const host of options.host) query.append("host", host);
  for (const metric of options.metric) query.append("metric", metric);
  for (const [name, pattern] of Object.entries(options.tags)) query.append(`tag.${name}`, pattern);
  if (options.from_ms !== undefined) query.set("start", String(options.from_ms / 1000));
  if (options.to_ms !== undefined) query.set("end", String(options.to_ms / 1000));
  return query;
}

/** Where lines go. */
interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** All is there. */
  complete(): Promise<void>;
  /** Not all of it came. */
  discard(): Promise<void>;
}

function stdoutSink({ terminal }: ReadingContext): Sink {
  const decoder = new TextDecoder();
  return {
    write(bytes) {
      const text = decoder.decode(bytes, { stream: true });
      // names may hold characters that a terminal obeys; a file or pipe gets every byte
      terminal.out(terminal.out_is_terminal ? text.split("\n").map(safeText).join("\n") : text);
      return Promise.resolve();
    },
    complete: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  };
}

async function fileSink(path: string): Promise<Sink> {
  const partial = `${path}.partial`;
  let file: Deno.FsFile;
  try {
    file = await Deno.open(partial, { write: true, create: true, truncate: true });
  } catch (error) {
    throw new CommandError(`Cannot write ${safeText(partial)}`, {
      cause: error,
      hint: "name another file with --output",
    });
  }
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    },
    async complete() {
      file.close();
      await Deno.rename(partial, path);
    },
    async discard() {
      file.close();
      await Deno.remove(partial);
    },
  };
}

const LINE_FEED = 0x0a;

/** Counts lines as they pass, and knows what the last one says. */
class PassingLines {
  lines = 0;
  readonly #reader: LineReader;
  /** The end of what has passed; a line is never longer than what is kept of it. */
  #tail = "";
  readonly #decoder = new TextDecoder();

  constructor(format: FormatName) {
    this.#reader = FORMATS[format].reader();
    // what reads a header wants to see it first
    this.#reader(FORMATS[format].header.trimEnd());
    this.lines = format === "csv" ? -1 : 0;
  }

  pass(bytes: Uint8Array): void {
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
      this.lines++;
    }
    const from = Math.max(0, bytes.length - 32 * 1024);
    this.#tail = (this.#tail + this.#decoder.decode(bytes.subarray(from))).slice(-32 * 1024);
  }

  /** The newest whole line as a sample, where it is one. */
  last(): SampleLine | undefined {
    const line = this.#reader(this.#lastLine());
    return line === undefined || isFault(line) ? undefined : line;
  }

  /** Why the export broke off, when its last line says so. */
  brokenOff(): string | undefined {
    const line = this.#reader(this.#lastLine());
    if (line === undefined || !isFault(line)) return undefined;
    return /^the export broke off here: (.*)$/s.exec(line.fault)?.[1];
  }

  #lastLine(): string {
    return this.#tail.slice(0, this.#tail.lastIndexOf("\n")).split("\n").at(-1) ?? "";
  }
}

/** Where a sample stands among all of an export: hosts in their order, each from its first sample on. */
class Place {
  readonly #hosts: Map<string, number>;
  #host = "";
  #first_ms = 0;

  constructor(hosts: readonly string[], readonly end_ms: number) {
    this.#hosts = new Map([...hosts].sort().map((host, index) => [host, index]));
  }

  fraction({ host, at_ms }: SampleLine): number | undefined {
    const index = this.#hosts.get(host);
    if (index === undefined) return undefined;
    if (host !== this.#host) [this.#host, this.#first_ms] = [host, at_ms];
    const span_ms = Math.max(1, this.end_ms - this.#first_ms);
    const within = Math.min(1, Math.max(0, (at_ms - this.#first_ms) / span_ms));
    return (index + within) / this.#hosts.size;
  }
}

/** Only a person who looks at the meter needs to know how many hosts there are. */
async function placeOf(client: Client, options: ExportOptions, context: ReadingContext) {
  const end_ms = Math.min(options.to_ms ?? Infinity, context.clock.now());
  if (!context.terminal.err_is_terminal) return new Place([], end_ms);
  const matches = globMatcher(options.host);
  const wanted = Object.entries(options.tags)
    .map(([name, pattern]) => [name, globMatcher([pattern])] as const);
  const hosts = (await client.hosts()).filter(({ hostname, tags }) =>
    matches(hostname) && wanted.every(([name, isWanted]) => isWanted(String(tags?.[name] ?? "")))
  ).map(({ hostname }) => hostname);
  return new Place(hosts, end_ms);
}

async function passOn(
  stream: ReadableStream<Uint8Array>,
  to: { sink: Sink; passing: PassingLines; place: Place; meter: Meter },
): Promise<void> {
  const { sink, passing, place, meter } = to;
  for await (const bytes of stream) {
    passing.pass(bytes);
    await sink.write(bytes);
    const last = passing.last();
    const fraction = last === undefined ? undefined : place.fraction(last);
    meter.update({ done: passing.lines, fraction, note: last?.host });
  }
  const why = passing.brokenOff();
  if (why !== undefined) throw new Error(why);
}

/** Throws CommandError when the export is not complete. */
export async function runExport(options: ExportOptions, context: ReadingContext): Promise<void> {
  const { terminal, clock, env } = context;
  const client = await connectClient(options.server, env);
  const place = await placeOf(client, options, context);
  using stop = listenForStop(terminal);
  const meter = showMeter(terminal, { label: "export", unit: "samples", clock });
  const begun_ms = clock.monotonic();
  const passing = new PassingLines(options.format);
  let sink: Sink | undefined;
  try {
    const stream = await client.export(parameters(options), stop.signal);
    sink = options.output === undefined ? stdoutSink(context) : await fileSink(options.output);
    await passOn(stream, { sink, passing, place, meter });
  } catch (error) {
    await sink?.discard();
    if (error instanceof CommandError || error instanceof Deno.errors.BrokenPipe) throw error;
    throw incomplete(error, { stopped: stop.signal.aborted, passing, output: options.output });
  } finally {
    meter.done();
  }
  await sink.complete();
  const seconds = formatDuration(clock.monotonic() - begun_ms);
  const where = options.output === undefined ? "" : ` to ${safeText(options.output)}`;
  terminal.err(`Exported ${passing.lines} samples${where} in ${seconds}\n`);
}

function incomplete(
  error: unknown,
  what: { stopped: boolean; passing: PassingLines; output: string | undefined },
): CommandError {
  const { stopped, passing, output } = what;
  const lines = Math.max(0, passing.lines);
  const left = output === undefined
    ? `the ${lines} lines above are not all there is`
    : `${safeText(output)} was not written`;
  if (stopped) {
    return new CommandError(`Stopped after ${lines} lines: ${left}`, {
      hint: `run it again, for a part with --since and --until`,
    });
  }
  const why = passing.brokenOff() ?? (error instanceof Error ? error.message : String(error));
  return new CommandError(`The export broke off after ${lines} lines: ${left}`, {
    cause: safeText(why),
    hint: `look at the server's log, and run it again; "${programName()} export --help" has ` +
      "options for a part of it",
  });
}
