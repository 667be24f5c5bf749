/**
 * The agent's settings: defaults, then a JSON file, then `MONITOR_AGENT_…` of the environment, then
 * the command line. They are read and checked here once; after that nobody checks again.
 */
import { z } from "zod";
import { childPath, shown, TAG_CHARS_MAX, TAGS_MAX } from "../report.ts";
import { accessShape, settingText as text, withToken } from "./access_settings.ts";
import { defaultAgentDataDir } from "./data_dir.ts";
import { duration } from "./duration.ts";
import { isolationShape } from "./isolation/settings.ts";
import { DEFAULT_POLICY, permissionsSchema } from "./permissions.ts";
import { checkNames, sourcesShape } from "./sources/settings.ts";
import { spoolSchema } from "./spool/settings.ts";
import { listOf, SERVERS_MAX, serverUrl } from "./server_setting.ts";

const HOUR_MS = 3_600_000;

export const agentConfigSchema = z.strictObject({
  /** Where reports go; `/metrics` is appended. */
  server: serverUrl.default("http://localhost:8888"),
  /** The others of a list of servers, which have one database: written as a list in `server`. */
  other_servers: z.array(serverUrl).max(SERVERS_MAX - 1).optional(),
  /** Who this is. Default: the machine's host name. */
  hostname: text(255),
  /** What has to outlive the agent: its spool, approvals. Default: see data_dir.ts. */
  data_dir: text(4_096),
  alias: text(255).optional(),
  location: text(255).optional(),
  tags: z.record(
    text(TAG_CHARS_MAX),
    z.union([z.string().max(TAG_CHARS_MAX), z.number(), z.boolean()]),
  ).refine((tags) => Object.keys(tags).length <= TAGS_MAX, `must have at most ${TAGS_MAX} tags`)
    .default({}),
  /** Folders with collectors besides the shipped ones; a later one replaces scripts of the same name. */
  metrics: z.array(text(4_096)).optional(),
  /** Whether the collectors that come with the program run. */
  shipped: z.boolean().default(true),
  /** How often scripts run that do not say so themselves. */
  interval: duration({ min_ms: 1_000, max_ms: 24 * HOUR_MS }).default(10_000),
  /** How long one run of a script may take that does not say so itself. */
  timeout: duration({ min_ms: 100, max_ms: HOUR_MS }).default(5_000),
  ...accessShape,
  /** Certificates (PEM) that are trusted besides those of this system: server_trust.ts. */
  server_ca_file: text(4_096).optional(),
  /** `sha256:…` of the one certificate that is trusted, and no other. */
  server_fingerprint: z.string().transform((input, context) => {
    const digits = input.replace(/^sha256:/i, "").replaceAll(":", "").toLowerCase();
    if (/^[0-9a-f]{64}$/.test(digits)) return `sha256:${digits}`;
    context.addIssue({
      code: "custom",
      message:
        'must be "sha256:" and 64 hexadecimal digits, as monitor certificate create prints it',
    });
    return z.NEVER;
  }).optional(),
  /** What scripts may be granted; what a script names under `scripts` is added to `default`. */
  permissions: z.strictObject({
    default: permissionsSchema.default(DEFAULT_POLICY),
    scripts: z.record(z.string(), permissionsSchema).default({}),
  }).prefault({}),
  /** Settings of single collectors, by their name: these three, and what each of them describes. */
  collectors: z.record(
    z.string(),
    z.looseObject({
      enabled: z.boolean().optional(),
      every: duration({ min_ms: 1_000, max_ms: 24 * HOUR_MS }).optional(),
      timeout: duration({ min_ms: 10, max_ms: HOUR_MS }).optional(),
    }),
  ).default({}),
  ...sourcesShape,
  ...isolationShape,
  /** Where reports wait until the server has them. */
  spool: spoolSchema,
  /** How long the server may take to answer. */
  request_timeout: duration({ min_ms: 100, max_ms: 10 * 60_000 }).default(10_000),
}).superRefine(checkNames);
/** Durations are milliseconds here: `interval`, `timeout`, `request_timeout`. */
export type AgentConfig = z.output<typeof agentConfigSchema>;
/** As written in a file or given as overrides. */
export type AgentConfigInput = Partial<z.input<typeof agentConfigSchema>>;

/** Settings that cannot be used. `faults` are whole lines, one for each thing to repair. */
export class AgentConfigError extends Error {
  override readonly name = "AgentConfigError";
  /** How the program ends because of it. */
  readonly exit_code = 2;
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

/** Environment variable → setting. Lists are separated by commas, tags are `key=value`. */
const ENVIRONMENT: Record<string, (value: string) => AgentConfigInput> = {
  MONITOR_AGENT_SERVER: (server) => ({ server }),
  MONITOR_AGENT_HOSTNAME: (hostname) => ({ hostname }),
  MONITOR_AGENT_DATA: (data_dir) => ({ data_dir }),
  MONITOR_AGENT_ALIAS: (alias) => ({ alias }),
  MONITOR_AGENT_LOCATION: (location) => ({ location }),
  MONITOR_AGENT_TAGS: (tags) => ({
    tags: Object.fromEntries(
      tags.split(",").filter((pair) => pair !== "").map((pair) => {
        const [key = "", ...value] = pair.split("=");
        return [key.trim(), value.join("=").trim()];
      }),
    ),
  }),
  MONITOR_AGENT_METRICS: (dirs) => ({ metrics: dirs.split(",").filter((dir) => dir !== "") }),
  MONITOR_AGENT_INTERVAL: (interval) => ({ interval }),
  MONITOR_AGENT_TIMEOUT: (timeout) => ({ timeout }),
  MONITOR_AGENT_TOKEN: (token) => ({ token }),
  MONITOR_AGENT_JOIN: (join_code) => ({ join_code }),
  MONITOR_AGENT_SERVER_CA_FILE: (server_ca_file) => ({ server_ca_file }),
  MONITOR_AGENT_SERVER_FINGERPRINT: (server_fingerprint) => ({ server_fingerprint }),
};

export interface LoadAgentConfigOptions {
  /** A JSON file, else the one MONITOR_AGENT_CONFIG names; it must exist when it is named. */
  file?: string;
  env?: Record<string, string | undefined>;
  /** From the command line; undefined values do not override. */
  overrides?: AgentConfigInput;
  /** The machine's own name, when nothing else is said. */
  hostname?: () => string;
}

/** Reads and checks the settings. Throws AgentConfigError with one line for each fault. */
export async function loadAgentConfig(
  options: LoadAgentConfigOptions = {},
): Promise<AgentConfig> {
  const { env = {}, overrides = {}, hostname = Deno.hostname } = options;
  const file = options.file ?? (env.MONITOR_AGENT_CONFIG || undefined);
  const fromFile = file === undefined ? {} : await readJson(file);
  const sources = new Map<string, string>();
  const merged: Record<string, unknown> = {};
  const take = (settings: Record<string, unknown>, source: string) => {
    for (const [key, value] of Object.entries(settings)) {
      if (value === undefined) continue;
      merged[key] = value;
      sources.set(key, source);
    }
  };
  const platform = { os: Deno.build.os, uid: Deno.uid() };
  take({ hostname: hostname(), data_dir: defaultAgentDataDir(env, platform) }, "this machine");
  take(fromFile, file ?? "");
  for (const [variable, read] of Object.entries(ENVIRONMENT)) {
    const value = env[variable];
    if (value !== undefined && value !== "") take(read(value), variable);
  }
  take(overrides, "command line");
  const [first, ...others] = listOf(merged.server);
  if (others.length > 0) {
    Object.assign(merged, { server: first, other_servers: others });
    sources.set("other_servers", sources.get("server") ?? "");
  }
  const parsed = agentConfigSchema.safeParse(merged, { error: plainMessage });
  if (parsed.success) {
    const read = await withToken(parsed.data);
    if (typeof read !== "string") return read;
    throw new AgentConfigError([`${sources.get("token_file") ?? ""}: ${read}`]);
  }
  throw new AgentConfigError(
    parsed.error.issues.flatMap((issue) => faultLines(issue, merged, sources)),
  );
}

/** What would be right, for the checks that have no message of their own. */
function plainMessage(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") {
    const wanted = { boolean: "true or false", int: "a whole number", array: "a list" };
    return `must be ${
      wanted[issue.expected as keyof typeof wanted /* others: undefined */] ??
        `of type ${issue.expected}`
    }`;
  }
  if (issue.code === "too_small") return `must be at least ${issue.minimum}`;
  if (issue.code === "too_big") return `must be at most ${issue.maximum}`;
  if (issue.code === "invalid_union") return "must be a text, a number, true or false";
  return undefined;
}

function faultLines(
  issue: z.core.$ZodIssue,
  input: Record<string, unknown>,
  sources: Map<string, string>,
): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return faultLine(path, {
        source: sources.get(String(path[0])),
        right: `is not a setting${suggestion(key, path.length)}`,
        value: undefined,
      });
    });
  }
  const is_key = issue.code === "invalid_key";
  return [faultLine(issue.path, {
    source: sources.get(String(issue.path[0])),
    right: is_key ? issue.issues[0]?.message ?? issue.message : issue.message,
    value: is_key ? undefined : valueAt(input, issue.path),
  })];
}

function faultLine(
  path: readonly PropertyKey[],
  fault: { source?: string; right: string; value: unknown },
): string {
  const at = path.reduce<string>(
    (before, key) => childPath(before, typeof key === "number" ? key : String(key)),
    "",
  );
  const secret = path[0] === "token" || path[0] === "join_code" || path.includes("env") ||
    /\bpassword\b/.test(fault.right);
  const whole = isObject(fault.value);
  const known = fault.value === undefined || secret || whole ||
    fault.right.includes("current value");
  const value = known ? "" : `: current value is ${shown(fault.value)}`;
  return `${fault.source ?? "settings"}: ${at} ${fault.right}${value}`;
}

/** A whole part of the settings: what is in it is not the fault. */
function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    input,
  );
}

/** ", did you mean …?" for a first-level key that begins like a real one. */
function suggestion(key: string, depth: number): string {
  if (depth !== 1) return "";
  const begin = key.toLowerCase().slice(0, 3);
  const close = Object.keys(agentConfigSchema.shape).find((known) => known.startsWith(begin));
  return close === undefined ? "" : `, did you mean ${close}?`;
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  let content: string;
  try {
    content = await Deno.readTextFile(file);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "it does not exist" : String(error);
    throw new AgentConfigError([`${file}: cannot be read: ${why}`]);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (error) {
    throw new AgentConfigError([`${file}: is not JSON: ${String(error)}`]);
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
    return { ...parsed };
  }
  throw new AgentConfigError([`${file}: must be an object: current value is ${shown(parsed)}`]);
}

/** Settings that can be read again. */
export interface AgentConfigSource {
  /** Undefined when they stand in no file. */
  readonly file: string | undefined;
  /** Throws AgentConfigError. */
  load(): Promise<AgentConfig>;
}

/** The same settings, at any time. */
export function agentConfigSource(options: LoadAgentConfigOptions): AgentConfigSource {
  const file = options.file ?? (options.env?.MONITOR_AGENT_CONFIG || undefined);
  return { file, load: () => loadAgentConfig(options) };
}
