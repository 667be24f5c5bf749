/**
 * The log: one line an event, to stderr. `json` is for machines, `text` for people. Fields are
 * key/value pairs; a message is a fixed sentence without values in it, so that it can be searched.
 */

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  /** The same log with a narrower component name or more fixed fields. */
  with(fields: LogFields): Logger;
}

/** May change while the log is in use. */
export interface LogSettings {
  level: LogLevel;
  format: LogFormat;
}

export interface LogOptions extends LogSettings {
  /** Milliseconds since 1970. */
  now: () => number;
  /** Receives one line, newline included. Default: stderr. */
  write?: (line: string) => void;
}

const encoder = new TextEncoder();

function writeToStderr(line: string): void {
  try {
    Deno.stderr.writeSync(encoder.encode(line));
  } catch {
    // A log that nobody can read (closed pipe) must not stop the program.
  }
}

/** Errors become their message and, for bugs, the stack; everything else is kept as it is. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return value.message;
  return typeof value === "bigint" ? value.toString() : value;
}

/** A text that needs no quotes. */
const PLAIN = /^[^\s"=\p{C}]+$/u;

/** Values come from anywhere: what could steer a terminal, or swap what is read, is made visible. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /(?!\u200d)\p{C}/gu,
    (unsafe) => `\\u{${unsafe.codePointAt(0)?.toString(16)}}`,
  );
}

function textLine(at: string, level: LogLevel, msg: string, fields: LogFields): string {
  const { component, ...rest } = fields;
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const shown = plain(value);
      const text = typeof shown === "string" ? shown : JSON.stringify(shown);
      return ` ${key}=${PLAIN.test(text) ? text : quoted(text)}`;
    });
  const where = component === undefined ? "" : `${component}: `;
  return `${at} ${level.padEnd(5)} ${where}${msg}${pairs.join("")}\n`;
}

function jsonLine(at: string, level: LogLevel, msg: string, fields: LogFields): string {
  const shown: LogFields = {};
  for (const [key, value] of Object.entries(fields)) shown[key] = plain(value);
  return JSON.stringify({ at, level, msg, ...shown }) + "\n";
}

/** Makes the program's logger. Lines below `level` are not written; it is asked for with each of them. */
export function createLogger(options: LogOptions): Logger {
  const write = options.write ?? writeToStderr;
  const make = (fixed: LogFields): Logger => {
    const at = (level: LogLevel) => (msg: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(options.level)) return;
      const line = options.format === "json" ? jsonLine : textLine;
      write(line(new Date(options.now()).toISOString(), level, msg, { ...fixed, ...fields }));
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => make({ ...fixed, ...fields }),
    };
  };
  return make({});
}

/** A logger that drops everything, for callers that give none. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};
