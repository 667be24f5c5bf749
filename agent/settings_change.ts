/** What a running agent does with settings that have changed. Pure. */
import type { AgentConfig } from "./config.ts";

/**
 * Settings that hold from the next tick on. All others are of parts that are made once: where reports
 * go and are kept, and as whom.
 */
const FOLLOWED: ReadonlySet<string> = new Set<keyof AgentConfig>([
  "alias",
  "location",
  "tags",
  "metrics",
  "shipped",
  "interval",
  "timeout",
  "permissions",
  "collectors",
  "exec",
  "scrape",
  "python",
  "statsd",
]);

export interface SettingsChange {
  /** What holds from now on. */
  config: AgentConfig;
  /** Names of settings that hold now and did not before. */
  taken: string[];
  /** Names of settings that were changed and hold only after a restart. */
  after_restart: string[];
}

/** From the settings that hold to those that were read. */
export function settingsChange(current: AgentConfig, read: AgentConfig): SettingsChange {
  const taken: string[] = [];
  const after_restart: string[] = [];
  const names = new Set([...Object.keys(current), ...Object.keys(read)]);
  const config: Record<string, unknown> = { ...current };
  for (const name of names) {
    const value: unknown = Reflect.get(read, name);
    if (sameJson(Reflect.get(current, name), value)) continue;
    if (FOLLOWED.has(name)) {
      taken.push(name);
      if (value === undefined) delete config[name];
      else config[name] = value;
    } else after_restart.push(name);
  }
  // Each of its fields is one of two settings that were checked as wholes.
  return {
    config: config as AgentConfig,
    taken: taken.sort(),
    after_restart: after_restart.sort(),
  };
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
