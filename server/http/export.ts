/**
 * `GET /api/v1/export`: samples as a stream of lines, as much at a time as the reader takes.
 *
 * The answer has begun long before anything can go wrong, so its status cannot tell. An export that
 * breaks off ends with a line that is no sample and says why, and then the connection breaks: a
 * reader that looks at either of them knows.
 */
import type { Context } from "hono";
import { z } from "zod";
import type { Logger } from "../../log.ts";
import type { ExportQuery, ExportRun } from "../query/export.ts";
import { NotFoundError } from "../query/history.ts";
import { CrowdedError } from "../query/turnstile.ts";
import { FORMATS } from "../wire/format.ts";
import { globMatcher, matchesGlob } from "../wire/glob.ts";
import { FORMAT_NAMES, type SampleFormat } from "../wire/sample.ts";
import { faultsOf, parameterError } from "./fetch.ts";
import type { Routes } from "./routes.ts";
import {
  hostMatcher,
  namesParameter,
  readWanted,
  tagsParameter,
  type Wanted,
} from "./selection.ts";

/** What this route needs of the query step. */
export interface ExportRoute {
  exportHosts(): Promise<ExportHost[]>;
  exportRuns(query: ExportQuery): AsyncGenerator<ExportRun>;
  /** Aborted when the server stops: exports under way break off instead of holding it up. */
  stopping: AbortSignal;
  log: Logger;
}

interface ExportHost {
  id: number;
  hostname: string;
  tags: Record<string, string>;
}

/** Each holds a host's hour in memory and keeps a connection to the database busy. */
const EXPORTS_MAX = 4;
const RETRY_AFTER_S = 10;
/** Larger pieces do not go faster; smaller ones do cost. */
const CHUNK_CHARS = 64 * 1024;
/** The year 9999. */
const SECONDS_MAX = 253_402_300_799;

const seconds = z.coerce.number("must be seconds since 1970").min(0, "must be at least 0")
  .max(SECONDS_MAX, "must be in seconds, not milliseconds");

const parametersSchema = z.object({
  format: z.enum(FORMAT_NAMES, `must be one of ${FORMAT_NAMES.join(", ")}`).default("csv"),
  host: namesParameter,
  metric: namesParameter,
  tags: tagsParameter,
  start: seconds.default(0),
  end: seconds.default(SECONDS_MAX),
}).refine((range) => range.start <= range.end, { path: ["start"], error: "must not be after end" });

function readParameters(c: Context): z.infer<typeof parametersSchema> {
  const given = Object.fromEntries(Object.entries(c.req.query()).filter(([, text]) => text !== ""));
  const parsed = parametersSchema.safeParse({ ...given, ...readWanted(c).wanted });
  if (parsed.success) return parsed.data;
  throw parameterError("Cannot read the parameters", faultsOf(parsed.error));
}

/** Throws NotFoundError for a pattern that no host matches: a name mistyped is not an empty export. */
function chosenHosts(
  hosts: readonly ExportHost[],
  wanted: Pick<Wanted, "host" | "tags">,
): ExportHost[] {
  for (const pattern of wanted.host) {
    if (!hosts.some(({ hostname }) => matchesGlob(pattern, hostname))) {
      throw new NotFoundError(`Cannot find host ${JSON.stringify(pattern)}`);
    }
  }
  return hosts.filter(hostMatcher(wanted));
}

export function exportRoutes(routes: Routes, route: ExportRoute): void {
  let running = 0;
  routes.get("/api/v1/export", {
    access: "viewer",
    summary: "Samples as CSV, NDJSON or Prometheus text",
    query: parametersSchema,
    type: "text/csv",
    errors: [404],
  }, async (c) => {
    const { format: name, host, metric, tags, start, end } = readParameters(c);
    const hosts = chosenHosts(await route.exportHosts(), { host, tags });
    if (running >= EXPORTS_MAX) {
      throw new CrowdedError(
        `Cannot export: ${running} exports are running already`,
        RETRY_AFTER_S,
      );
    }
    running++;
    const format = FORMATS[name];
    const runs = route.exportRuns({
      hosts,
      metric: globMatcher(metric),
      from_ms: Math.ceil(start * 1000),
      to_ms: Math.ceil(end * 1000),
      messages: format.has_messages,
    });
    const { stopping, log } = route;
    const onEnd = () => {
      running--;
    };
    return c.body(lineStream(runs, { format, onEnd, stopping, log }), 200, {
      "content-type": format.content_type,
    });
  });
}

/** Breaks the connection. Deno prints what a stream ends with; the log has said it already. */
function brokenOff(): Error {
  return Object.assign(new Error("export broke off"), {
    [Symbol.for("Deno.customInspect")]: () => "",
  });
}

interface StreamOptions {
  format: SampleFormat;
  /** Called once, when nothing is read any more. */
  onEnd: () => void;
  stopping: AbortSignal;
  log: Logger;
}

/** Reads `runs` only as fast as the stream is read. */
function lineStream(
  runs: AsyncGenerator<ExportRun>,
  { format, onEnd, stopping, log }: StreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let text = format.header;
  let failure: Error | undefined;
  let isCancelled = false;
  const end = async () => {
    onEnd();
    await runs.return(undefined);
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      // its last line was taken: now the connection may break
      if (failure !== undefined) return controller.error(brokenOff());
      try {
        while (text.length < CHUNK_CHARS) {
          if (stopping.aborted) throw new Error("the server is stopping");
          const { done, value: run } = await runs.next();
          // nobody reads any more, and what had to be ended is
          if (isCancelled) return;
          if (done) {
            if (text !== "") controller.enqueue(encoder.encode(text));
            controller.close();
            return onEnd();
          }
          text += runText(run, format);
        }
      } catch (error) {
        if (isCancelled) return;
        failure = error instanceof Error ? error : new Error(String(error));
        log.warn("export broke off", { error: failure });
        text += format.errorLine(`Cannot read on: ${failure.message}`);
        await end();
      }
      controller.enqueue(encoder.encode(text));
      text = "";
    },
    cancel: () => {
      isCancelled = true;
      return failure === undefined ? end() : undefined;
    },
  }, { highWaterMark: 1 });
}

function runText({ host, metric, points }: ExportRun, format: SampleFormat): string {
  const write = format.writer(host, metric);
  let text = "";
  for (const { at_ms, value, message } of points) text += write(at_ms, value, message);
  return text;
}
