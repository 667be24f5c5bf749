/**
 * The server's settings: read once, at the start, from four places. Later ones win:
 *
 *   1. built-in defaults                      config/schema.ts
 *   2. a JSON file                            --config FILE, MONITOR_CONFIG, or ./server_config.json
 *   3. environment variables                  config/settings.ts
 *   4. options of the command line            `CommandLine` below
 *
 * After that nobody checks again. Faults are collected and told all at once. Relative file names
 * start from the directory of the file they stand in, others from the working directory.
 */
import { basename, dirname, join, resolve } from "node:path";
import type { z } from "zod";
import { readChannelSecrets } from "./config/channels.ts";
import { configSchema } from "./config/schema.ts";
import { ConfigError, type ConfigFault, faultAt, faultsOf } from "./config/fault.ts";
import { jsonFault } from "./config/json_fault.ts";
import { isTree, type Layer, type Merged, mergeLayers, setAt, valueAt } from "./config/layers.ts";
import { listSettings, type Setting } from "./config/settings.ts";
import { suggest } from "./config/suggest.ts";

export { ConfigError, type ConfigFault };

/** Every setting with its final value. */
export type Config = z.infer<typeof configSchema>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Options of the command line, as they were typed. */
export interface CommandLine {
  /** `--data DIR` */
  data?: string;
  /** `--host ADDRESS` */
  host?: string;
  /** `--port N` */
  port?: string;
  /** `--database-url URL` */
  databaseUrl?: string;
  /** `--log-level LEVEL` */
  logLevel?: string;
  /** `--log-format FORMAT` */
  logFormat?: string;
}

const OPTIONS: Record<keyof CommandLine, { path: string; option: string }> = {
  data: { path: "data_dir", option: "--data" },
  host: { path: "webapp.host", option: "--host" },
  port: { path: "webapp.port", option: "--port" },
  databaseUrl: { path: "database.url", option: "--database-url" },
  logLevel: { path: "log.level", option: "--log-level" },
  logFormat: { path: "log.format", option: "--log-format" },
};

/** Looked for in the working directory when no file is named. */
const FILE_DEFAULT = "server_config.json";

/** Settings whose value can stand in a file of its own. */
const SECRETS = ["database.password", "database.url", "database.replica_url"];

export interface LoadOptions {
  /** The file of `--config`. Must exist when given. */
  file?: string;
  overrides?: CommandLine;
  env: Environment;
  /** Used where nothing else is said, in place of the built-in default: `{"log.level": "warn"}`. */
  defaults?: Readonly<Record<string, unknown>>;
  /** Default: the working directory. */
  working_dir?: string;
  platform?: { os: typeof Deno.build.os; uid: number | null };
}

/**
 * Where the data lives when nobody says: a system directory for root, else where this system keeps
 * the data of a user's programs.
 */
export function defaultDataDir(
  env: Environment,
  platform: { os: typeof Deno.build.os; uid: number | null },
): string {
  const home = env.HOME || env.USERPROFILE || ".";
  if (platform.os === "windows") {
    return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), "monitor");
  }
  if (platform.uid === 0) return "/var/lib/monitor";
  if (platform.os === "darwin") return join(home, "Library", "Application Support", "monitor");
  return join(env.XDG_DATA_HOME || join(home, ".local", "share"), "monitor");
}

/** Undefined when there is none and none was asked for. */
function fileLayer(file: string | undefined, working_dir: string): Layer | undefined {
  const path = resolve(working_dir, file ?? FILE_DEFAULT);
  const source = file ?? FILE_DEFAULT;
  let text: string;
  try {
    text = Deno.readTextFileSync(path).replace(/^\ufeff/, "");
  } catch (error) {
    if (file === undefined && error instanceof Deno.errors.NotFound) return undefined;
    throw new ConfigError([{
      source,
      path: "$",
      message: `must be a readable file: ${why(error)}`,
    }]);
  }
  const broken = jsonFault(text);
  if (broken !== undefined) {
    const place = `line ${broken.line}, column ${broken.column}`;
    throw new ConfigError([{
      source,
      path: place,
      message: `must be JSON, with ${broken.wanted}`,
    }]);
  }
  const values: unknown = JSON.parse(text);
  if (!isTree(values)) {
    throw new ConfigError([{ source, path: "$", message: "must be an object {…} of settings" }]);
  }
  return { source, values, base_dir: dirname(path) };
}

function why(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is none of this name";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  return error instanceof Error ? error.message : String(error);
}

/** `8888` is a number, `null` is null and `true` true where the setting can be one; else it stays a text. */
function typed(text: string, setting: Setting): unknown {
  if (typeof setting.default === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  if (!setting.numeric) return text;
  if (text === "null") return null;
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** Variables of a section that name no setting are mistakes; an empty variable is not set. */
function environmentLayer(
  options: LoadOptions,
  settings: readonly Setting[],
): { layer: Layer; faults: ConfigFault[] } {
  const names = new Map<string, string>();
  const values = {};
  const known = settings.flatMap((setting) => setting.variables);
  for (const setting of settings) {
    for (const variable of setting.variables) {
      const text = options.env[variable];
      if (!text) continue;
      setAt(values, setting.path, typed(text, setting));
      names.set(setting.path, variable);
    }
  }
  const sections =
    /^MONITOR_(WEBAPP|TLS|DATABASE|ACCESS|INGEST|LIMITS|RETENTION|AGGREGATE|OWN_METRICS|NOTIFY|LOG)_/;
  const faults = Object.keys(options.env)
    .filter((variable) => sections.test(variable) && !known.includes(variable))
    .map((variable) => {
      const meant = suggest(variable, known);
      const message = `is not a setting${meant === undefined ? "" : `, did you mean ${meant}?`}`;
      return { source: "environment", path: variable, message };
    });
  const base_dir = options.working_dir ?? Deno.cwd();
  return { layer: { source: "environment", values, base_dir, names }, faults };
}

function commandLineLayer(options: LoadOptions, settings: readonly Setting[]): Layer {
  const names = new Map<string, string>();
  const values = {};
  for (const [key, { path, option }] of Object.entries(OPTIONS)) {
    // Object.entries widens the key to string; OPTIONS has exactly the keys of CommandLine
    const text = options.overrides?.[key as keyof CommandLine];
    const setting = settings.find((one) => one.path === path);
    if (text === undefined || setting === undefined) continue;
    setAt(values, path, typed(text, setting));
    names.set(path, option);
  }
  return { source: "command line", values, base_dir: options.working_dir ?? Deno.cwd(), names };
}

/** Replaces `…_file` settings by what stands in the files. */
function readSecrets(merged: Merged): ConfigFault[] {
  return SECRETS.flatMap((path) => {
    const file_path = `${path}_file`;
    const file = valueAt(merged.values, file_path);
    if (typeof file !== "string" || file === "") return [];
    const fault = (
      message: string,
    ) => [faultAt(merged, { path: file_path, message, fallback: "" })];
    if (valueAt(merged.values, path) !== undefined) {
      return fault(`must not be given together with ${path}`);
    }
    try {
      const [secret = ""] = Deno.readTextFileSync(file).split(/\r?\n/, 1);
      setAt(merged.values, path, secret);
      setAt(merged.values, file_path, undefined);
      return [];
    } catch (error) {
      return fault(`must be a readable file: ${why(error)}: current value is "${file}"`);
    }
  });
}

/**
 * Reads, merges and checks all settings. Throws ConfigError with every fault found. Reads files and
 * nothing else; `data_dir` need not exist.
 */
export function loadConfig(options: LoadOptions): Config {
  const settings = listSettings();
  const working_dir = options.working_dir ?? Deno.cwd();
  const file = fileLayer(options.file ?? (options.env.MONITOR_CONFIG || undefined), working_dir);
  const environment = environmentLayer(options, settings);
  const platform = options.platform ?? { os: Deno.build.os, uid: Deno.uid() };
  const defaults: Layer = { source: "defaults", values: {}, base_dir: working_dir };
  setAt(defaults.values, "data_dir", defaultDataDir(options.env, platform));
  for (const [path, value] of Object.entries(options.defaults ?? {})) {
    setAt(defaults.values, path, value);
  }
  const layers = [defaults, file, environment.layer, commandLineLayer(options, settings)];
  const merged = mergeLayers(layers.filter((layer) => layer !== undefined));
  const fallback = file?.source ?? basename(FILE_DEFAULT);
  const faults = [...environment.faults, ...readSecrets(merged)];
  const sources = { env: options.env, base_dir: file?.base_dir ?? working_dir, why };
  const unreadable = readChannelSecrets(merged.values, sources);
  for (const fault of unreadable) faults.push(faultAt(merged, { ...fault, fallback }));
  const parsed = configSchema.safeParse(merged.values);
  if (!parsed.success) {
    // a secret that could not be read is missing, too; one fault is enough
    const isTold = (path: string) => unreadable.some((fault) => fault.path.startsWith(`${path}_`));
    const found = faultsOf(parsed.error, { merged, settings, fallback });
    faults.push(...found.filter(({ path }) => !isTold(path)));
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults);
  return parsed.data;
}
