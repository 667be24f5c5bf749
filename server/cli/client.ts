/**
 * Reads the server's HTTP API for the command line. Every answer is checked once, here. Trouble
 * becomes a `CommandError`: what failed, why, what to do.
 */
import { z } from "zod";
import { whyUnreachable } from "../../unreachable.ts";
import { type StorageAnswer, storageSchema } from "../wire/storage.ts";
import { serverUrl, tokenHeader } from "./address.ts";
import { CommandError } from "./failure.ts";
import { programName } from "./terminal.ts";
import { safeText } from "./text.ts";

/** A server that is alive answers in milliseconds; a minute of silence helps nobody. */
const ANSWER_MS_MAX = 30_000;

const factsSchema = z.looseObject({
  alias: z.string().nullish(),
  location: z.string().nullish(),
});

const hostsSchema = z.array(z.looseObject({
  hostname: z.string(),
  additional_data: factsSchema.nullish(),
  tags: z.record(z.string(), z.unknown()).nullish(),
}));

const latestSchema = z.record(
  z.string(),
  z.looseObject({
    metrics: z.record(z.string(), z.number()),
    /** Seconds since 1970 of the newest value. */
    timestamp: z.number().nullish(),
    metadata: z.record(z.string(), z.looseObject({ unit: z.string().nullish() })).nullish(),
  }),
);

/** Seconds since 1970 and the value, newest first. */
const historySchema = z.array(z.tuple([z.number(), z.number()], z.unknown()));

const statusSchema = z.looseObject({ status: z.string() });

const errorSchema = z.looseObject({ error: z.string() });

export type HostsAnswer = z.infer<typeof hostsSchema>;
export type LatestAnswer = z.infer<typeof latestSchema>;
export type HistoryAnswer = z.infer<typeof historySchema>;

export interface HistoryQuery {
  host: string;
  metric: string;
  start_ms: number;
  end_ms: number;
  limit: number;
}

export class Client {
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #http: Deno.HttpClient | undefined;

  /** Throws UsageError when `server` is no URL. */
  constructor(server: string, token?: string, http?: Deno.HttpClient) {
    this.#http = http;
    this.#base = serverUrl(server);
    this.#headers = tokenHeader(token);
  }

  hosts(): Promise<HostsAnswer> {
    return this.#read(hostsSchema, "/fetch/hosts");
  }

  /** Of all hosts, or of one. */
  latest(host?: string): Promise<LatestAnswer> {
    const query = host === undefined ? "" : `?${new URLSearchParams({ hostname: host })}`;
    return this.#read(latestSchema, `/fetch/latest${query}`);
  }

  history(query: HistoryQuery): Promise<HistoryAnswer> {
    const path = `/fetch/history/${encodeURIComponent(query.host)}/${
      encodeURIComponent(query.metric)
    }`;
    const parameters = new URLSearchParams({
      start: String(query.start_ms / 1000),
      end: String(query.end_ms / 1000),
      limit: String(query.limit),
    });
    return this.#read(historySchema, `${path}?${parameters}`);
  }

  /** Tells the server to aggregate now; resolves to its own sentence about it. */
  async aggregate(): Promise<string> {
    const answer = await this.#read(statusSchema, "/aggregate", { method: "POST" });
    return answer.status;
  }

  /** What the data weighs, with this many of the largest hosts. */
  storage(hosts: number): Promise<StorageAnswer> {
    return this.#read(
      storageSchema,
      `/api/v1/storage?${new URLSearchParams({ hosts: `${hosts}` })}`,
    );
  }

  /**
   * The lines of an export, as they come. The stream rejects when the export breaks off; `signal`
   * gives it up. Only the beginning has a time limit: a large export takes as long as it takes.
   */
  async export(query: URLSearchParams, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new DOMException("no answer in time", "TimeoutError")),
      ANSWER_MS_MAX,
    );
    let response: Response;
    try {
      const path = `${this.#base}/api/v1/export?${query}`;
      response = await fetch(path, {
        client: this.#http,
        headers: this.#headers,
        signal: AbortSignal.any([signal, late.signal]),
      });
    } catch (error) {
      if (signal.aborted) throw error;
      throw this.#unreachable(error);
    } finally {
      clearTimeout(timer);
    }
    if (!response.ok) throw this.#refused(response.status, jsonOf(await response.text()));
    return response.body ?? new ReadableStream({ start: (controller) => controller.close() });
  }

  /** Any other question: `schema` says what an answer is, `body` is sent as JSON. */
  ask<T>(
    schema: z.ZodType<T>,
    path: string,
    options: { method?: string; body?: unknown } = {},
  ): Promise<T> {
    const { method, body } = options;
    return this.#read(schema, path, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  async #read<T>(schema: z.ZodType<T>, path: string, init: RequestInit = {}): Promise<T> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.#base + path, {
        client: this.#http,
        ...init,
        headers: { accept: "application/json", ...this.#headers },
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      text = await response.text();
    } catch (error) {
      throw this.#unreachable(error);
    }
    const body = jsonOf(text);
    if (!response.ok) throw this.#refused(response.status, body);
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new CommandError(`Cannot use the answer of ${this.#base}`, {
      cause: `${path.split("?")[0]} did not answer like a monitor server`,
      hint: "check the address: something else may be listening there",
    });
  }

  #unreachable(error: unknown): CommandError {
    return new CommandError(`Cannot reach the server at ${this.#base}`, {
      cause: whyUnreachable(error),
      hint: `start one with "${programName()} up", or name another with --server URL`,
    });
  }

  #refused(status: number, body: unknown): CommandError {
    const told = errorSchema.safeParse(body);
    const cause = told.success ? safeText(told.data.error) : `it answered with status ${status}`;
    const hint = status === 404
      ? `"${programName()} hosts" and "${programName()} latest HOST" list what is there`
      : status === 400
      ? "change what it names, and ask again"
      : status === 401 || status === 403
      ? "ask the server's operator for access"
      : "look at the server's log, or try again later";
    return new CommandError(`${this.#base} refused the request`, { cause, hint });
  }
}

/** Undefined when it is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
