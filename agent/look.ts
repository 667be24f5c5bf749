/**
 * What a script's file holds, found out without running any of it with a permission: linked, and
 * asked for its metadata. Nothing here depends on the settings, so that what was seen of a text holds
 * as long as the text is the same.
 */
import { linkScript } from "./link.ts";
import type { Sandbox } from "./sandbox.ts";
import { readScriptMetadata, type ScriptMetadata } from "./script_metadata.ts";
import type { ScriptFile, ScriptOrigin } from "./scripts.ts";
import { firstLines, type TypeStripper } from "./strip.ts";

/** A script that could be run, as far as its text goes. */
export interface ScriptVersion {
  name: string;
  origin: ScriptOrigin;
  /** JavaScript, one module. */
  text: string;
  /** SHA-256 of the text, as hex. */
  hash: string;
  metadata: ScriptMetadata;
}

/** A script that cannot be run, and why, for its author. */
export interface BrokenScript {
  /** Undefined when it could not even be linked, or looked at: then that is tried again. */
  hash?: string;
  /** It could not be looked at, and nothing else may have to change for the next time. */
  unseen?: boolean;
  reason: string;
}

export interface LookOptions {
  sandbox: Sandbox;
  stripper: TypeStripper;
  /** Away from scripts that are running. */
  apart: boolean;
  /** What was seen of this script the last time. */
  seen: ScriptVersion | BrokenScript | undefined;
}

/** Looks at a script; one whose text and origin are those of `seen` is not loaded again. */
export async function lookAt(
  script: ScriptFile,
  options: LookOptions,
): Promise<ScriptVersion | BrokenScript> {
  const { sandbox, stripper, apart, seen } = options;
  const { name, origin } = script;
  let linked: { text: string; hash: string };
  try {
    linked = await linkScript(script.file, { stripper });
  } catch (error) {
    return { reason: firstLines(error) };
  }
  const { text, hash } = linked;
  if (seen?.hash === hash && (!("origin" in seen) || seen.origin === origin)) return seen;
  const answer = await sandbox.inspect({ name, origin, text }, { apart });
  // What the script has answered holds as long as its text; everything else can be the machine's doing.
  if (answer.kind === "failed") return { hash, reason: answer.message };
  if (answer.kind !== "done") return { unseen: true, reason: answer.message };
  const read = readScriptMetadata(answer.json);
  if ("fault" in read) return { hash, reason: read.fault };
  return { name, origin, text, hash, metadata: read.metadata };
}
