/**
 * From files to collectors that may run: link, ask for metadata without permissions, compare what is
 * declared with the operator's policy, admit. Whatever fails here is one script's own trouble.
 */
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
import type { Sandbox } from "./sandbox.ts";
import { readScriptMetadata, type ScriptMetadata } from "./script_metadata.ts";
import { scriptRunner } from "./script_runner.ts";
import { findScripts, type ScriptFile, type ScriptOrigin } from "./scripts.ts";
import { firstLines, TypeStripper } from "./strip.ts";

/** What is run at its ticks. */
export interface Collector {
  name: string;
  file: string;
  origin: ScriptOrigin;
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
}

/** A script that is not run, and why. `elsewhere`: it is for other operating systems. */
export interface RejectedScript {
  name: string;
  file: string;
  origin: ScriptOrigin;
  state: "broken" | "refused" | "elsewhere";
  reason: string;
}

export interface LoadedCollectors {
  collectors: Collector[];
  rejected: RejectedScript[];
}

/** Finds, loads and admits all scripts of these settings. Throws ScriptFolderError. */
export async function loadCollectors(
  config: AgentConfig,
  options: { sandbox: Sandbox },
): Promise<LoadedCollectors> {
  const loaded: LoadedCollectors = { collectors: [], rejected: [] };
  using stripper = new TypeStripper();
  for (const script of await findScripts(config)) {
    const result = await loadOne(script, { config, sandbox: options.sandbox, stripper });
    if ("reason" in result) loaded.rejected.push(result);
    else loaded.collectors.push(result);
  }
  options.sandbox.trim();
  return loaded;
}

async function loadOne(
  script: ScriptFile,
  options: { config: AgentConfig; sandbox: Sandbox; stripper: TypeStripper },
): Promise<Collector | RejectedScript> {
  const { config, sandbox, stripper } = options;
  const { name, origin } = script;
  const about = { name, origin, file: shortPath(script.file) };
  const reject = (state: RejectedScript["state"], reason: string) => ({ ...about, state, reason });
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
  const permissions = metadata.permissions ?? {};
  if (origin === "user") {
    const { default: common, scripts } = config.permissions;
    const own = Object.hasOwn(scripts, name) ? scripts[name] : undefined;
    const excess = permissionExcess(permissions, mergedPermissions(common, own ?? {}));
    if (excess.length > 0) return reject("refused", excessText(name, excess));
  }
  sandbox.admit({ name, origin, text }, permissions);
  return {
    ...about,
    metadata,
    permissions,
    every_ms: metadata.every ?? config.interval,
    timeout_ms: metadata.timeout ?? config.timeout,
    runner: scriptRunner({ name, metadata }, { sandbox }),
  };
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
