/**
 * From files to collectors that may run: link, ask for metadata without permissions, compare what is
 * declared with the operator's policy, admit. Whatever fails here is one script's own trouble.
 *
 * The shipped scripts share one Worker, also when they have targets: they are part of the product, and
 * a Worker for each would cost 8 MB each. It may reach what the operator's targets name, together, and
 * nothing else.
 */
import {
  collectorOptions,
  commonOptions,
  missingNeed,
  unknownCollectors,
} from "./collector_options.ts";
import { type AgentConfig } from "./config.ts";
import { linkScript } from "./link.ts";
import {
  excessText,
  mergedPermissions,
  permissionExcess,
  type PermissionSet,
  permissionsText,
} from "./permissions.ts";
import type { Runner } from "./runner.ts";
import type { Sandbox, SandboxScript } from "./sandbox.ts";
import { readScriptMetadata, type ScriptMetadata } from "./script_metadata.ts";
import { scriptRunner } from "./script_runner.ts";
import { findScripts, type ScriptFile, type ScriptOrigin } from "./scripts.ts";
import type { SourceContext } from "./sources/source.ts";
import { sourceCollectors } from "./sources/sources.ts";
import { firstLines, TypeStripper } from "./strip.ts";

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
  /** What the settings say of it, when it is no script: with an equal text nothing has changed. */
  definition?: string;
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
}

/** Not run, and nothing is wrong with that. */
export function isIdle(state: RejectedScript["state"]): boolean {
  return state === "elsewhere" || state === "off";
}

export interface LoadedCollectors {
  collectors: Collector[];
  rejected: RejectedScript[];
}

/**
 * Finds, loads and admits all scripts of these settings, and makes the collectors that are none, which
 * replace scripts of the same name. Throws ScriptFolderError.
 */
export async function loadCollectors(
  config: AgentConfig,
  options: { sandbox: Sandbox; sources?: SourceContext },
): Promise<LoadedCollectors> {
  const loaded: LoadedCollectors = { collectors: [], rejected: [] };
  const sources = options.sources === undefined ? [] : sourceCollectors(config, options.sources);
  const replaced = new Set(sources.map(({ name }) => name));
  using stripper = new TypeStripper();
  const scripts = await findScripts(config);
  const admissible: SandboxScript[] = [];
  for (const file of scripts) {
    if (replaced.has(file.name)) {
      loaded.rejected.push(replacedScript(file));
      continue;
    }
    const result = await loadOne(file, { config, sandbox: options.sandbox, stripper });
    if ("reason" in result) {
      loaded.rejected.push(result);
      continue;
    }
    loaded.collectors.push(result.collector);
    admissible.push(result.script);
  }
  admit(admissible, loaded.collectors, options.sandbox);
  loaded.collectors.push(...sources);
  options.sandbox.trim();
  for (const unknown of unknownCollectors(config, scripts.map(({ name }) => name))) {
    loaded.rejected.push({ ...unknown, file: "settings", origin: "user", state: "broken" });
  }
  return loaded;
}

function replacedScript({ name, file, origin }: ScriptFile): RejectedScript {
  const reason = "is replaced by what the agent's settings say";
  return { name, file: shortPath(file), origin, state: "off", reason };
}

function admit(
  scripts: readonly SandboxScript[],
  collectors: readonly Collector[],
  sandbox: Sandbox,
): void {
  const granted = new Map(collectors.map(({ name, permissions }) => [name, permissions]));
  const together = collectors.filter(({ origin }) => origin === "shipped")
    .reduce<PermissionSet>((sum, { permissions }) => mergedPermissions(sum, permissions), {});
  for (const script of scripts) {
    const own = granted.get(script.name) ?? {};
    sandbox.admit(script, script.origin === "shipped" ? together : own);
  }
}

async function loadOne(
  script: ScriptFile,
  options: { config: AgentConfig; sandbox: Sandbox; stripper: TypeStripper },
): Promise<{ collector: Collector; script: SandboxScript } | RejectedScript> {
  const { config, sandbox, stripper } = options;
  const { name, origin } = script;
  const about = { name, origin, file: shortPath(script.file) };
  const reject = (state: RejectedScript["state"], reason: string) => ({ ...about, state, reason });
  const { enabled = true, every, timeout } = commonOptions(name, config);
  if (!enabled) return reject("off", "is switched off in the settings");
  let text: string;
  try {
    ({ text } = await linkScript(script.file, { stripper }));
  } catch (error) {
    return reject("broken", firstLines(error));
  }
  const answer = await sandbox.inspect({ name, origin, text });
  if (answer.kind !== "done") return reject("broken", answer.message);
  const read = readScriptMetadata(answer.json);
  if ("fault" in read) return reject("broken", read.fault);
  const { metadata } = read;
  const { platforms } = metadata;
  if (platforms !== undefined && !platforms.includes(Deno.build.os)) {
    return reject("elsewhere", `is for ${platforms.join(", ")}`);
  }
  const missing = await missingNeed(metadata.needs);
  if (missing !== undefined) return reject("elsewhere", `needs ${missing}, which is not here`);
  const set = await collectorOptions(name, metadata, config);
  if (set.kind === "off") {
    return reject("off", `needs collectors.${name}.${set.missing.join(", ")} in the settings`);
  }
  if (set.kind === "wrong") return reject("broken", set.faults.join("; "));
  const declared = metadata.permissions ?? {};
  const excess = origin === "user" ? permissionExcess(declared, policyOf(name, config)) : [];
  if (excess.length > 0) return reject("refused", excessText(name, excess));
  const collector = {
    ...about,
    metadata,
    // what the options name was written by the operator: that is the policy for it
    permissions: grantedPermissions(declared, set.permissions),
    every_ms: every ?? metadata.every ?? config.interval,
    timeout_ms: timeout ?? metadata.timeout ?? config.timeout,
    runner: scriptRunner({ name, metadata }, { sandbox }),
  };
  return { collector, script: { name, origin, text, options: set.values } };
}

function policyOf(name: string, { permissions }: AgentConfig): PermissionSet {
  const { default: common, scripts } = permissions;
  return mergedPermissions(common, Object.hasOwn(scripts, name) ? scripts[name] ?? {} : {});
}

/** Sorts that neither grants stay absent. */
function grantedPermissions(declared: PermissionSet, options: PermissionSet): PermissionSet {
  return Object.keys(options).length === 0 ? declared : mergedPermissions(declared, options);
}

function shortPath(file: string | URL): string {
  return file instanceof URL ? `metrics/${file.pathname.split("/").at(-1)}` : file;
}

/** One line about a collector, for people. */
export function collectorText({ name, metadata, permissions }: Collector): string {
  const granted = permissionsText(permissions);
  const about = metadata.description ?? "";
  return [name, about, granted === "none" ? "" : `(may: ${granted})`].filter(Boolean).join("  ");
}
