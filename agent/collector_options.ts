/** The settings of one collector: what stands under `collectors.<name>`, read by its description. */
import { shown } from "../report.ts";
import type { AgentConfig } from "./config.ts";
import { COMMON_OPTIONS } from "./options.ts";
import { type ReadOptions, readOptions } from "./option_values.ts";
import type { ScriptMetadata } from "./script_metadata.ts";

/** Bundles of certificates are the longest; what is longer is another file than was meant. */
const SECRET_CHARS_MAX = 512 * 1024;

/** The settings that every collector has; nothing when it is not named. */
export function commonOptions(
  name: string,
  { collectors }: Pick<AgentConfig, "collectors">,
): Pick<AgentConfig["collectors"][string], typeof COMMON_OPTIONS[number]> {
  return Object.hasOwn(collectors, name) ? collectors[name] ?? {} : {};
}

/** A collector's own options, and the permissions they make. */
export function collectorOptions(
  name: string,
  metadata: ScriptMetadata,
  { collectors }: Pick<AgentConfig, "collectors">,
): Promise<ReadOptions> {
  const written: Record<string, unknown> = {
    ...Object.hasOwn(collectors, name) ? collectors[name] : {},
  };
  for (const common of COMMON_OPTIONS) delete written[common];
  return readOptions(metadata.options ?? {}, written, {
    path: `collectors.${name}`,
    readSecret,
    nameservers: systemNameservers,
  });
}

async function readSecret(file: string): Promise<string> {
  const text = await Deno.readTextFile(file).catch((error) => {
    throw new Error(error instanceof Deno.errors.NotFound ? "it does not exist" : String(error));
  });
  const secret = text.trim();
  if (secret !== "" && secret.length <= SECRET_CHARS_MAX) return secret;
  throw new Error(`it must have 1 to ${SECRET_CHARS_MAX} characters`);
}

/** The addresses in /etc/resolv.conf; none on systems that have no such file. */
async function systemNameservers(): Promise<string[]> {
  const text = await Deno.readTextFile("/etc/resolv.conf").catch(() => "");
  return [...text.matchAll(/^\s*nameserver\s+([0-9A-Fa-f.:]+)\s*$/gm)]
    .map(([, address = ""]) => address);
}

/** The path of `needs` that this machine does not have; undefined when it has all. */
export async function missingNeed(needs: readonly string[] = []): Promise<string | undefined> {
  for (const path of needs) {
    const is_there = await Deno.stat(path).then(() => true, () => false);
    if (!is_there) return path;
  }
  return undefined;
}

/** What the settings say about collectors that do not exist, one sentence each. */
export function unknownCollectors(
  { collectors }: Pick<AgentConfig, "collectors">,
  names: readonly string[],
): { name: string; reason: string }[] {
  return Object.keys(collectors).filter((name) => !names.includes(name)).map((name) => ({
    name,
    reason: `collectors.${name} is in the agent's settings, but there is no collector ` +
      `${shown(name)}${similar(name, names)}`,
  }));
}

function similar(name: string, names: readonly string[]): string {
  const begin = name.toLowerCase().slice(0, 3);
  const close = names.find((known) => known.startsWith(begin));
  return close === undefined ? "" : `, did you mean ${close}?`;
}
