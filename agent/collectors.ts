/** What is collected: scripts that run, and those that do not. */
import type { AgentConfig } from "./config.ts";
import { CollectorLoader } from "./loader.ts";
import type { PermissionSet } from "./permissions.ts";
import type { Runner } from "./runner.ts";
import type { Sandbox } from "./sandbox.ts";
import type { ScriptMetadata } from "./script_metadata.ts";
import type { ScriptOrigin } from "./scripts.ts";
import type { SourceContext } from "./sources/source.ts";

/** What is run at its ticks. */
export interface Collector {
  name: string;
  file: string;
  origin: ScriptOrigin | "settings";
  metadata: ScriptMetadata;
  every_ms: number;
  timeout_ms: number;
  permissions: PermissionSet;
  runner: Runner;
  /**
   * Its series come and go, or are thousands: they make a report of their own, so that the report
   * of all others keeps its form, which the server recognises.
   */
  own_report?: boolean;
  /** It waits for what others send: a single run has nothing to tell, and may be in an agent's way. */
  listens?: boolean;
  /** What the settings say of it, when it is no script: with an equal text nothing has changed. */
  definition?: string;
  /** Another takes its place, so that its runner was ended: a run that is lost by that has not failed. */
  ended?: boolean;
}

/**
 * A script that is not run, and why. `elsewhere`: it is for other machines; `off`: it was switched
 * off, or waits for options that nobody wrote.
 */
export interface RejectedScript {
  name: string;
  file: string;
  origin: ScriptOrigin;
  state: "broken" | "refused" | "elsewhere" | "off";
  reason: string;
  /** A version from before runs instead. */
  goes_on?: boolean;
}

/** Not run, and nothing is wrong with that. */
export function isIdle(state: RejectedScript["state"]): boolean {
  return state === "elsewhere" || state === "off";
}

export interface LoadedCollectors {
  collectors: Collector[];
  rejected: RejectedScript[];
  /** Names of collectors that run anew: they were there before, as something else. */
  restarted: string[];
  /** What is wrong apart from single scripts, a line each. */
  problems: string[];
}

/**
 * Finds, loads and admits all scripts of these settings, and makes the collectors that are none, which
 * replace scripts of the same name. Once: see loader.ts. Throws ScriptFolderError.
 */
export function loadCollectors(
  config: AgentConfig,
  options: { sandbox: Sandbox; sources?: SourceContext },
): Promise<LoadedCollectors> {
  return new CollectorLoader(options).load(config);
}
