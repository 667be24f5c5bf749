/**
 * The wire contract: what a host may send to `POST /metrics`, and what it becomes. The agent writes
 * this shape, the server reads it; nobody else looks at raw input.
 *
 * A report is `{hostname, metrics, timestamp?, additional_data?, tags?, metadata?, agent?}`; a batch is an
 * array of reports. `metrics` is a tree. Its leaves are
 *
 *   12.5                                    a sample
 *   true / false                            a sample, 1 or 0
 *   null                                    no value this time, kept as an annotation
 *   {"value": v, "message"?, "timestamp"?}  the same with a text and a time of its own; `v` may also
 *                                           be null or, with a message, a string: then there is no
 *                                           sample, only the annotation; or itself a branch
 *
 * and every other object is a branch: `{"disk": {"root": {"value": 93}}}` is the series `disk.root`.
 * Leaves with a time of their own are split off, so that one `Report` below has one timestamp.
 *
 * Nothing here does I/O. Faults are collected, not thrown: the sender gets all of them at once.
 */
import { z } from "zod";

/** A host name is at most what fits a tile; DNS allows 253. */
export const HOSTNAME_CHARS_MAX = 255;
/** Prometheus names with their labels reach 240 in node_exporter; a name is kept once, so be generous. */
export const METRIC_NAME_CHARS_MAX = 1_024;
/** One report is one row of float8[]; 10,000 are 80 kB, the most one row should weigh. */
export const REPORT_METRICS_MAX = 10_000;
/** A message is a remark, not a log file: longer ones are cut, not refused. */
export const MESSAGE_CHARS_MAX = 2_000;
export const TAGS_MAX = 64;
export const TAG_CHARS_MAX = 255;
/** Deeper trees are a mistake (or an attack on recursion). */
export const METRICS_DEPTH_MAX = 8;
/** Bytes of a request body after decompression. 16 MiB are about 5,000 reports of 100 metrics. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** How many faults one answer lists; the rest is counted. */
export const FAULTS_MAX = 20;

export const METRIC_KINDS = ["gauge", "counter", "state"] as const;
export type MetricKind = typeof METRIC_KINDS[number];

// deno-lint-ignore no-control-regex -- control characters are exactly what is looked for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/;

/** Why a text cannot be a name, or undefined when it can. */
export function nameFault(text: string, chars_max: number): string | undefined {
  if (text.length === 0) return "must not be empty";
  if (text.length > chars_max) {
    return `must have at most ${chars_max} characters: it has ${text.length}`;
  }
  if (CONTROL_CHARACTERS.test(text)) return "must not contain control characters";
  if (!text.isWellFormed()) return "must be well-formed Unicode";
  return undefined;
}

function name(chars_max: number) {
  return z.string({ error: (issue) => `must be a text: current value is ${shown(issue.input)}` })
    .superRefine((text, context) => {
      const fault = nameFault(text, chars_max);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    });
}

const optionalText = name(HOSTNAME_CHARS_MAX).or(z.literal("")).nullish();

export const metadataSchema = z.object({
  unit: z.string().max(32).optional(),
  kind: z.enum(METRIC_KINDS).optional(),
  description: z.string().max(500).optional(),
});
/** What a metric means. Sent with the first report after a start and whenever it changes. */
export type MetricMetadata = z.infer<typeof metadataSchema>;

const said = (chars_max: number) => z.string().max(chars_max);

/** What an agent says about itself; the newest is kept. Told at its start, on change, and every hour. */
export const agentFactsSchema = z.object({
  version: said(64),
  /** As people call it: Debian GNU/Linux 13 (trixie). */
  os: said(100),
  kernel: said(100),
  arch: said(32),
  collectors: z.array(z.object({
    name: said(100),
    origin: said(16).describe("shipped, user, or settings: no script"),
    every_s: z.number().nullable().describe("null: it does not run"),
    timeout_s: z.number().nullable(),
    permissions: said(500).describe("What it may do, in words"),
    error: said(300).nullable().describe("Why it does not run, or failed last; null: all is well"),
  })).max(300),
});
export type AgentFacts = z.infer<typeof agentFactsSchema>;

export const reportSchema = z.looseObject({
  hostname: name(HOSTNAME_CHARS_MAX),
  timestamp: z.number({
    error: (issue) =>
      `must be a number of seconds since 1970: current value is ${shown(issue.input)}`,
  }).nullish(),
  metrics: z.record(z.string(), z.unknown(), {
    error: (issue) =>
      `must be an object of metric names and values: current value is ${shown(issue.input)}`,
  }),
  additional_data: z.looseObject({ alias: optionalText, location: optionalText }).nullish(),
  tags: z.record(
    name(TAG_CHARS_MAX),
    z.union([z.string().max(TAG_CHARS_MAX), z.number(), z.boolean(), z.null()]),
    {
      error: (issue) =>
        `must be an object of tag names and values: current value is ${shown(issue.input)}`,
    },
  ).refine((tags) => Object.keys(tags).length <= TAGS_MAX, `must have at most ${TAGS_MAX} tags`)
    .nullish(),
  metadata: z.record(z.string(), metadataSchema).nullish(),
  // others may have sent a field of this name before it meant something: they are not refused for it
  agent: agentFactsSchema.optional().catch(undefined),
});

/** One report as a sender writes it. */
export interface ReportInput {
  hostname: string;
  /** Seconds since 1970; fractions down to a millisecond count. Default: when the server reads it. */
  timestamp?: number;
  metrics: MetricTree;
  additional_data?: { alias?: string | null; location?: string | null };
  tags?: Record<string, string | number | boolean | null>;
  metadata?: Record<string, MetricMetadata>;
  agent?: AgentFacts;
}
export interface MetricLeaf {
  value: number | boolean | string | null;
  message?: string;
  timestamp?: number;
}
export interface MetricTree {
  [name: string]: number | boolean | null | MetricLeaf | MetricTree;
}

export interface Annotation {
  name: string;
  message: string;
}

/** What a host says about itself. `undefined` means "not said", null means "nothing". */
export interface HostFacts {
  alias?: string | null;
  location?: string | null;
  tags?: Record<string, string>;
  metadata?: Record<string, MetricMetadata>;
  agent?: AgentFacts;
}

/** One host, one time, many samples. `names` are unique and `values` finite; same length. */
export interface Report {
  hostname: string;
  at_ms: number;
  /** False when the sender gave no time and `at_ms` is when it was read. */
  has_own_time: boolean;
  names: string[];
  values: number[];
  annotations: Annotation[];
  facts: HostFacts;
}

/** Where something is wrong and what would be right. `path` is a JSON path: `[3].metrics.cpu`. */
export interface Fault {
  path: string;
  message: string;
}

export interface Refusal extends Fault {
  /** Position of the refused report in the batch. */
  index: number;
}

/** The answer to `POST /metrics`. Reports sent = stored + duplicate + refused. */
export interface IngestReply {
  status: "received";
  stored: number;
  duplicate: number;
  refused?: Refusal[];
  error?: string;
}

export interface ClockLimits {
  /** A timestamp may be this far ahead of the server's clock. */
  future_ms_max: number;
  /** … and this far behind it. */
  past_ms_max: number;
}

/** A value as an error message shows it: short, on one line, never the whole input. */
export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Appends a key to a JSON path: `.key`, or `["odd key"]` where a dot would mislead. */
export function childPath(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  const short = key.length > 80 ? `${key.slice(0, 77)}…` : key;
  return /^[A-Za-z_][\w-]*$/.test(short)
    ? path === "" ? short : `${path}.${short}`
    : `${path}[${JSON.stringify(short)}]`;
}

function timestampFault(at_ms: number, now_ms: number, limits: ClockLimits): string | undefined {
  const seconds = at_ms / 1000;
  if (!Number.isFinite(at_ms)) {
    return `must be a number of seconds since 1970: current value is ${seconds}`;
  }
  if (seconds > 1e11) {
    return `must be in seconds since 1970, this looks like milliseconds: current value is ${seconds}`;
  }
  const ahead_ms = at_ms - now_ms;
  if (ahead_ms > limits.future_ms_max) {
    return `must be at most ${limits.future_ms_max / 1000} s ahead of the server's clock ` +
      `(${iso(now_ms)}): current value is ${seconds} (${iso(at_ms)}); set the sender's clock`;
  }
  if (-ahead_ms > limits.past_ms_max) {
    return `must be at most ${Math.round(limits.past_ms_max / 86_400_000)} days in the past: ` +
      `current value is ${seconds} (${iso(at_ms)})`;
  }
  return undefined;
}

function iso(at_ms: number): string {
  const date = new Date(at_ms);
  return Number.isNaN(date.getTime()) ? "no date" : date.toISOString();
}

/** Texts from outside go to PostgreSQL, which knows no NUL, and to a page, which wants them short. */
function cleanMessage(text: string): string {
  return text.slice(0, MESSAGE_CHARS_MAX).toWellFormed().replaceAll("\u0000", "\ufffd");
}

interface Flattening {
  reports: Map<number, Report>;
  seen: Set<string>;
  faults: Fault[];
  make: (at_ms: number) => Report;
  now_ms: number;
  limits: ClockLimits;
}

function reportAt(state: Flattening, at_ms: number): Report {
  let report = state.reports.get(at_ms);
  if (report === undefined) {
    report = state.make(at_ms);
    state.reports.set(at_ms, report);
  }
  return report;
}

function addLeaf(
  state: Flattening,
  leaf: { series: string; path: string; at_ms: number; value: unknown; message?: string },
): void {
  const { series, path, at_ms, value } = leaf;
  const fault = nameFault(series, METRIC_NAME_CHARS_MAX);
  if (fault !== undefined) {
    state.faults.push({ path, message: `metric name ${fault}` });
    return;
  }
  if (state.seen.has(series)) {
    state.faults.push({ path, message: `metric ${shown(series)} is given twice in one report` });
    return;
  }
  state.seen.add(series);
  const number = typeof value === "boolean" ? Number(value) : value;
  if (typeof number === "number") {
    if (!Number.isFinite(number)) {
      state.faults.push({ path, message: `must be a finite number: current value is ${number}` });
      return;
    }
    const report = reportAt(state, at_ms);
    report.names.push(series);
    report.values.push(number);
    if (leaf.message) {
      report.annotations.push({ name: series, message: cleanMessage(leaf.message) });
    }
    return;
  }
  if (value === null || leaf.message !== undefined) {
    const message = leaf.message ?? "";
    const text = typeof value === "string" ? [value, message].filter(Boolean).join(": ") : message;
    reportAt(state, at_ms).annotations.push({ name: series, message: cleanMessage(text) });
    return;
  }
  state.faults.push({
    path,
    message: `must be a number, true, false, null or {"value": …}: current value is ${
      shown(value)
    }`,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Branch {
  prefix: string;
  path: string;
  at_ms: number;
  depth: number;
  tree: Record<string, unknown>;
}

function flatten(state: Flattening, branch: Branch): void {
  for (const [key, value] of Object.entries(branch.tree)) {
    if (state.faults.length > FAULTS_MAX) return;
    const series = branch.prefix === "" ? key : `${branch.prefix}.${key}`;
    const path = childPath(branch.path, key);
    const { at_ms, depth } = branch;
    if (!isObject(value)) addLeaf(state, { series, path, at_ms, value });
    else addObject(state, { prefix: series, path, at_ms, depth: depth + 1, tree: value });
  }
}

/** A branch, or `{"value", "message"?, "timestamp"?}`, which may have children beside its value. */
function addObject(state: Flattening, branch: Branch): void {
  const { path, tree } = branch;
  if (branch.depth > METRICS_DEPTH_MAX) {
    state.faults.push({ path, message: `must be nested at most ${METRICS_DEPTH_MAX} deep` });
    return;
  }
  if (!("value" in tree)) {
    if (Object.keys(tree).length > 0) flatten(state, branch);
    else state.faults.push({ path, message: "must not be empty: current value is {}" });
    return;
  }
  const { value, message, timestamp, ...rest } = tree;
  const at_ms = ownTime(state, { timestamp, at_ms: branch.at_ms, path });
  if (at_ms === undefined) return;
  if (message !== undefined && message !== null && typeof message !== "string") {
    state.faults.push({
      path: childPath(path, "message"),
      message: `must be a text: current value is ${shown(message)}`,
    });
    return;
  }
  const value_path = childPath(path, "value");
  const depth = branch.depth + 1;
  if (isObject(value)) {
    // the original's agents wrap the parts of a reading: {"value": {"used": {"value": 1}}}
    addObject(state, { ...branch, path: value_path, at_ms, depth, tree: value });
  } else {
    const series = branch.prefix;
    addLeaf(state, { series, path: value_path, at_ms, value, message: message ?? undefined });
  }
  // texts beside a value ("unit": "%") say something about it; all else are values of their own
  const children = Object.entries(rest).filter(([, child]) => typeof child !== "string");
  flatten(state, { ...branch, at_ms, tree: Object.fromEntries(children) });
}

/** The time a value brings with it, else that of its report; undefined after a fault. */
function ownTime(
  state: Flattening,
  node: { timestamp: unknown; at_ms: number; path: string },
): number | undefined {
  const { timestamp } = node;
  if (timestamp === undefined || timestamp === null) return node.at_ms;
  const at_ms = typeof timestamp === "number" ? Math.round(timestamp * 1000) : NaN;
  const fault = typeof timestamp === "number"
    ? timestampFault(at_ms, state.now_ms, state.limits)
    : `must be a number of seconds since 1970: current value is ${shown(timestamp)}`;
  if (fault === undefined) return at_ms;
  state.faults.push({ path: childPath(node.path, "timestamp"), message: fault });
  return undefined;
}

function factsOf(input: z.infer<typeof reportSchema>): HostFacts {
  const facts: HostFacts = {};
  const { alias, location } = input.additional_data ?? {};
  if (alias !== undefined) facts.alias = alias || null;
  if (location !== undefined) facts.location = location || null;
  if (input.tags) {
    facts.tags = {};
    for (const [key, value] of Object.entries(input.tags)) {
      if (value !== null) facts.tags[key] = cleanMessage(String(value));
    }
  }
  if (input.metadata) facts.metadata = input.metadata;
  if (input.agent) facts.agent = input.agent;
  return facts;
}

/**
 * One element of a request body becomes one `Report` per distinct timestamp, or a list of faults.
 * Timestamps are rounded to whole milliseconds.
 */
export function parseReport(
  input: unknown,
  options: { path: string; now_ms: number; limits: ClockLimits },
): { reports: Report[]; faults: Fault[] } {
  const { path, now_ms, limits } = options;
  if (!isObject(input)) {
    return {
      reports: [],
      faults: [{
        path: path || "$",
        message: `must be an object with hostname and metrics: current value is ${shown(input)}`,
      }],
    };
  }
  const parsed = reportSchema.safeParse(input);
  if (!parsed.success) {
    const faults = parsed.error.issues.slice(0, FAULTS_MAX).map((issue) => ({
      path: issue.path.reduce<string>((at, key) => childPath(at, key as string | number), path),
      message: issue.message,
    }));
    return { reports: [], faults };
  }
  const own_ms = parsed.data.timestamp ?? undefined;
  const at_ms = own_ms === undefined ? Math.round(now_ms) : Math.round(own_ms * 1000);
  const late = own_ms === undefined ? undefined : timestampFault(at_ms, now_ms, limits);
  if (late !== undefined) {
    return { reports: [], faults: [{ path: childPath(path, "timestamp"), message: late }] };
  }
  const facts = factsOf(parsed.data);
  const state: Flattening = {
    reports: new Map(),
    seen: new Set(),
    faults: [],
    now_ms,
    limits,
    make: (time_ms) => ({
      hostname: parsed.data.hostname,
      at_ms: time_ms,
      has_own_time: own_ms !== undefined || time_ms !== at_ms,
      names: [],
      values: [],
      annotations: [],
      facts,
    }),
  };
  const metricsPath = childPath(path, "metrics");
  // not zod's copy, which leaves out a metric that is called "__proto__"
  const metrics = isObject(input.metrics) ? input.metrics : {};
  const count = Object.keys(metrics).length;
  if (count === 0) state.faults.push({ path: metricsPath, message: "must not be empty" });
  else if (count > REPORT_METRICS_MAX) {
    state.faults.push({ path: metricsPath, message: tooMany(count) });
  } else {
    flatten(state, { prefix: "", path: metricsPath, at_ms, depth: 1, tree: metrics });
    if (state.seen.size > REPORT_METRICS_MAX) {
      state.faults.push({ path: metricsPath, message: tooMany(state.seen.size) });
    }
  }
  const faults = state.faults.slice(0, FAULTS_MAX);
  return { reports: faults.length > 0 ? [] : [...state.reports.values()], faults };
}

function tooMany(count: number): string {
  return `must have at most ${REPORT_METRICS_MAX} metrics: it has ${count}`;
}
