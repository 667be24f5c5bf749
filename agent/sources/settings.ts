/**
 * Settings of collectors that are no scripts: `exec`, `scrape`, `statsd`, `python`. Each collector is
 * called by the key it stands under, as a script is by its file.
 */
import { z } from "zod";
import { metadataSchema, METRIC_NAME_CHARS_MAX, nameFault, shown } from "../../report.ts";
import { duration } from "../duration.ts";

const HOUR_MS = 3_600_000;
const KIB = 1024;
const MIB = 1024 * KIB;

function text(chars_max = 4_096) {
  return z.string({ error: (issue) => `must be a text: current value is ${shown(issue.input)}` })
    .superRefine((value, context) => {
      const fault = nameFault(value, chars_max);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    });
}

/** An argument may be empty and have line breaks, but a program cannot be given a NUL. */
const argument = z.string({ error: "must be a text" })
  .refine((value) => !value.includes("\u0000"), "must not contain NUL");

/** As file names of scripts. */
export const COLLECTOR_NAME = /^[A-Za-z][\w-]{0,99}$/;
const collectorName = z.string().regex(
  COLLECTOR_NAME,
  "must be named by a letter and then letters, digits, _ and -, at most 100",
);

const rhythm = {
  /** How often; default: the agent's interval. */
  every: duration({ min_ms: 1_000, max_ms: 24 * HOUR_MS }).optional(),
  /** How long a run may take; default: the agent's timeout. */
  timeout: duration({ min_ms: 10, max_ms: HOUR_MS }).optional(),
  description: metadataSchema.shape.description,
};

const ENV_ENTRY = /^[A-Za-z_]\w*(=[^\0]*)?$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** More than most exporters have, and as many as one report has. */
export const SERIES_MAX = 10_000;

/** What is done with metrics in Prometheus text, whoever wrote it. */
const expositionShape = {
  /** Put in front of every name. */
  prefix: text(200).optional(),
  /** Globs of metric names, labels not included. */
  include: z.array(text(METRIC_NAME_CHARS_MAX)).max(1_000).optional(),
  exclude: z.array(text(METRIC_NAME_CHARS_MAX)).max(1_000).optional(),
  /** Added to every series. */
  labels: z.record(
    z.string().regex(LABEL_NAME, "must be the name of a label: letters, digits and _"),
    text(255),
  ).optional(),
  /** Whether samples keep a time of their own; else they have that of the tick. */
  timestamps: z.boolean().optional(),
  /** More series than this are refused. */
  series_max: z.int().min(1).max(100_000).optional(),
};
const EXPOSITION_KEYS = Object.keys(expositionShape);

export const EXEC_FORMATS = ["json", "prometheus", "nagios"] as const;
const JSON_KEYS = ["unit", "kind", "metrics"];

export const execSchema = z.strictObject({
  ...rhythm,
  /** Program and arguments. */
  command: z.array(argument).min(1, "must have at least the program").max(1_000).optional(),
  /** A text for /bin/sh instead. */
  shell: argument.optional(),
  format: z.enum(EXEC_FORMATS, {
    error: (issue) =>
      `must be one of ${EXEC_FORMATS.join(", ")}: current value is ${shown(issue.input)}`,
  }),
  cwd: text().optional(),
  /** As whom it runs, when the agent is root. */
  user: text(100).optional(),
  /** `NAME` is taken over from the agent's environment, `NAME=value` is set. */
  env: z.array(
    argument.regex(ENV_ENTRY, 'must be a name such as "PGHOST", or "PGHOST=db"'),
  ).max(1_000).optional(),
  /** What it may print. */
  bytes_max: z.int().min(KIB).max(64 * MIB).default(MIB),
  unit: metadataSchema.shape.unit,
  kind: metadataSchema.shape.kind,
  metrics: z.record(z.string(), metadataSchema).optional(),
  ...expositionShape,
}).superRefine((exec, context) => {
  const wrong = (key: string, message: string) =>
    context.addIssue({ code: "custom", path: [key], message });
  if (exec.command === undefined && exec.shell === undefined) {
    wrong("command", 'must be a list such as ["/usr/bin/my-check", "--json"]');
  } else if (exec.command !== undefined && exec.shell !== undefined) {
    wrong("shell", "cannot be given together with command: take one of the two");
  }
  const others = [
    ...(exec.format === "json" ? [] : JSON_KEYS.map((key) => [key, "json"] as const)),
    ...(exec.format === "prometheus"
      ? []
      : EXPOSITION_KEYS.map((key) => [key, "prometheus"] as const)),
  ];
  for (const [key, format] of others) {
    if (Reflect.get(exec, key) !== undefined) wrong(key, `is only for the format ${format}`);
  }
});
export type ExecSettings = z.output<typeof execSchema>;

/** An address without a password in it, which would be told in messages. */
const exporterUrl = z.string({
  error: (issue) => `must be a URL: current value is ${shown(issue.input)}`,
}).superRefine((input, context) => {
  const url = URL.parse(input);
  const right = url !== null && /^https?:$/.test(url.protocol)
    ? url.username === "" && url.password === ""
      ? undefined
      : "must have no password: see token_file"
    : 'must be a URL such as "http://localhost:9100/metrics"';
  if (right !== undefined) context.addIssue({ code: "custom", message: right });
});

export const scrapeSchema = z.strictObject({
  ...rhythm,
  url: exporterUrl,
  /** Its content is sent as `Authorization: Bearer …`; read again for every scrape. */
  token_file: text().optional(),
  /** Of the answer, after decompression. */
  bytes_max: z.int().min(KIB).max(256 * MIB).default(16 * MIB),
  ...expositionShape,
  series_max: expositionShape.series_max.default(SERIES_MAX),
});
export type ScrapeSettings = z.output<typeof scrapeSchema>;

/** Of the one StatsD listener. */
export const STATSD_NAME = "statsd";

const statsdSchema = z.strictObject({
  every: rhythm.every,
  description: rhythm.description,
  /** Where to listen; other machines can only send to an address of the network. */
  host: z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address such as "127.0.0.1"' })
    .default("127.0.0.1"),
  port: z.int().min(0).max(65_535).default(8_125),
  /** Put in front of every name. */
  prefix: text(200).optional(),
  /** Names with their labels; lines of more are counted and left out. */
  names_max: z.int().min(1).max(100_000).default(10_000),
  /** A name that nobody sends for so long is forgotten. */
  expire: duration({ min_ms: 1_000, max_ms: 24 * HOUR_MS }).default(10 * 60_000),
});
export type StatsdSettings = z.output<typeof statsdSchema>;

/** What the agent's settings have beside those of scripts. */
export const sourcesShape = {
  /** Commands, by the name of their collector. */
  exec: z.record(collectorName, execSchema).default({}),
  /** Exporters, by the name of their collector. */
  scrape: z.record(collectorName, scrapeSchema).default({}),
  /** Listens for StatsD; `true` for the defaults. */
  statsd: z.preprocess(
    (input) => input === true ? {} : input === false ? undefined : input,
    statsdSchema.optional(),
  ),
  /** Whether Python files may run, or the interpreter to run them; else their permission `run` says. */
  python: z.union([z.boolean(), text()], { error: "must be true, false or the path of python3" })
    .optional(),
  /** How many of the commands may run at the same time. */
  commands_at_once: z.int().min(1).max(64).default(4),
};

/** Two collectors cannot have one name, whatever they are. */
export function checkNames(
  { exec, scrape, statsd }: {
    exec: Record<string, ExecSettings>;
    scrape: Record<string, ScrapeSettings>;
    statsd?: StatsdSettings;
  },
  context: z.core.$RefinementCtx,
): void {
  const wrong = (path: string[], what: string) => {
    const message = `is the name of ${what} too: call one of them otherwise`;
    context.addIssue({ code: "custom", path, message });
  };
  for (const name of Object.keys(scrape)) {
    if (Object.hasOwn(exec, name)) wrong(["scrape", name], "a command under exec");
  }
  if (statsd === undefined) return;
  if (Object.hasOwn(exec, STATSD_NAME)) wrong(["exec", STATSD_NAME], "the StatsD listener");
  if (Object.hasOwn(scrape, STATSD_NAME)) wrong(["scrape", STATSD_NAME], "the StatsD listener");
}
