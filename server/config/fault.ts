/**
 * What is wrong with a configuration, as the person who wrote it needs to hear it: which file (or
 * variable, or option), which setting, what would be right, what is there. Secrets are not shown.
 */
import type { z } from "zod";
import { childPath, shown } from "../../report.ts";
import { type Merged, valueAt } from "./layers.ts";
import type { Setting } from "./settings.ts";
import { suggest } from "./suggest.ts";

export interface ConfigFault {
  /** The file's name, `environment` or `command line`. */
  source: string;
  /** The setting as that source calls it: `webapp.port`, `MONITOR_PORT`, `--port`. */
  path: string;
  /** What would be right, and the current value unless it is a secret. */
  message: string;
}

/**
 * The configuration cannot be used. `message` has one line a fault. `exit_code` is what `main.ts`
 * ends the program with.
 */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly exit_code = 2;
  readonly faults: readonly ConfigFault[];
  constructor(faults: readonly ConfigFault[]) {
    super(
      faults.map(({ source, path, message }) =>
        // "$" is all of it: nothing a person wrote is called that
        path === "$" ? `${source}: ${message}` : `${source}: ${path}: ${message}`
      ).join("\n"),
    );
    this.faults = faults;
  }
}

/** A mistyped `pasword` still has the password behind it (and a mistyped section may hold one). */
const MAY_BE_SECRET = /pass|pwd|secret|token|key|url|^database/i;

/** Where `path` was written; for a missing setting, where its neighbours were. */
function originOf(merged: Merged, path: string) {
  const parent = path.slice(0, path.lastIndexOf(".") + 1);
  const neighbours = [...merged.origins].filter(([at]) => parent !== "" && at.startsWith(parent));
  return merged.origins.get(path) ?? neighbours.at(-1)?.[1];
}

/** A fault at one setting, told where it was written. `fallback` is for settings nobody wrote. */
export function faultAt(
  merged: Merged,
  fault: { path: string; message: string; fallback: string },
): ConfigFault {
  const layer = originOf(merged, fault.path);
  return {
    source: layer?.source ?? fault.fallback,
    path: layer?.names?.get(fault.path) ?? (fault.path || "$"),
    message: fault.message,
  };
}

function unknownKey(
  path: string,
  options: { merged: Merged; settings: readonly Setting[] },
): string {
  const { merged, settings } = options;
  const parent = path.includes(".") ? path.slice(0, path.lastIndexOf(".") + 1) : "";
  const key = path.slice(parent.length);
  const siblings = new Set(
    settings.filter((setting) => setting.path.startsWith(parent))
      .map((setting) => setting.path.slice(parent.length).split(".")[0] ?? ""),
  );
  // in a list, the keys of its items
  const list = parent.replace(/\[\d+\]\.$/, "");
  for (const item of settings.find((setting) => setting.path === list)?.items ?? []) {
    siblings.add(item);
  }
  const elsewhere = settings.find((setting) => setting.path.split(".").at(-1) === key)?.path;
  const meant = suggest(key, [...siblings]) ?? elsewhere;
  const current = valueAt(merged.values, path);
  // what stands in a list is not looked up
  const hidden = MAY_BE_SECRET.test(path) || typeof current === "object" || list !== parent;
  const value = hidden ? "" : `: current value is ${shown(current)}`;
  const right = meant === undefined
    ? `must be one of ${[...siblings].join(", ")}`
    : `did you mean ${meant}?`;
  return `is not a setting, ${right}${value}`;
}

/** One fault for each thing the schema found; several unknown keys are several faults. */
export function faultsOf(
  error: z.ZodError,
  options: { merged: Merged; settings: readonly Setting[]; fallback: string },
): ConfigFault[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.reduce<string>(
      (at, key) => childPath(at, typeof key === "number" ? key : String(key)),
      "",
    );
    const isListed = options.settings.some((setting) =>
      path === "" || setting.path.startsWith(`${path}.`) ||
      (setting.items !== undefined && setting.path === path.replace(/\[\d+\]$/, ""))
    );
    // deeper within lists and maps the schema knows what there is, and says it
    if (issue.code !== "unrecognized_keys" || !isListed) {
      return [faultAt(options.merged, { ...options, path, message: issue.message })];
    }
    return issue.keys.map((key) => {
      const at = path === "" ? key : `${path}.${key}`;
      const message = unknownKey(at, options);
      return faultAt(options.merged, { ...options, path: at, message });
    });
  });
}
