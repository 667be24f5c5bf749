/**
 * Settings that a running server takes anew (SIGHUP). Whoever works by one of them holds its section
 * and reads the setting each time it is needed; here the sections in use get the newly read values. All
 * other settings are looked at while the server is put together: a change of those waits for a restart,
 * and is told.
 */
import type { z } from "zod";
import { isTree } from "./layers.ts";
import type { configSchema } from "./schema.ts";

type Config = z.infer<typeof configSchema>;

/** Settings that are taken anew, and sections of which all are. */
const LIVE = ["alerts.rules_file", "channels", "limits", "log", "notify", "routes"];
/** Of these sections: what open connections were told when they were made. */
const AT_START = ["limits.question_s"];

/** Whether a setting of this path (`limits.hosts_max`) is taken anew by a running server. */
export function isLive(path: string): boolean {
  if (AT_START.includes(path)) return false;
  return LIVE.some((live) => path === live || path.startsWith(`${live}.`));
}

/** Paths of settings, never values: those may be secrets. */
export interface Adopted {
  changed: string[];
  /** Changed as well, but only a restart will show. */
  waiting: string[];
}

/** Changes what can be changed of the settings in use, in place, to what was newly read. */
export function adopt(current: Config, next: Config): Adopted {
  const differing = differences(current, next);
  const { question_s } = current.limits;
  Object.assign(current.limits, next.limits, { question_s });
  Object.assign(current.log, next.log);
  Object.assign(current.notify, { page_url: undefined }, next.notify);
  Object.assign(current.alerts, { rules_file: undefined }, next.alerts);
  current.channels = next.channels;
  current.routes = next.routes;
  return {
    changed: differing.filter(isLive),
    waiting: differing.filter((path) => !isLive(path)),
  };
}

/** Paths of two levels: `log.level`, `channels.mail`; of what is no section its name. */
function differences(current: Config, next: Config): string[] {
  const before = new Map<string, unknown>(Object.entries(current));
  return Object.entries(next).flatMap(([section, after]: [string, unknown]) => {
    const old = before.get(section);
    if (isSame(old, after)) return [];
    if (!isTree(old) || !isTree(after)) return [section];
    return [...new Set([...Object.keys(old), ...Object.keys(after)])]
      .filter((key) => !isSame(old[key], after[key]))
      .map((key) => `${section}.${key}`);
  });
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
